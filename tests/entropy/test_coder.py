"""Range coding: what goes in comes out, at the cost that the probabilities promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from percov2_demo.entropy.coder import Decoder, EntropyError, Run, encode, information, symbol_weights


@st.composite
def coded(draw):
    shape = draw(st.tuples(st.integers(0, 40), st.integers(2, 40)))
    spread = draw(st.sampled_from([0, 1, 64, 1000, 2**23]))
    logits = draw(arrays.arrays(np.int64, shape, elements=st.integers(-spread, spread)))
    symbols = draw(arrays.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)))
    return logits, symbols


@given(coded(), st.integers(0, 40))
def test_round_trip_in_groups_of_any_size(case, cut):
    logits, symbols = case
    weights = symbol_weights(logits) if len(logits) else np.ones(logits.shape)
    code = encode([Run(symbols, weights)])
    decoder = Decoder(code)
    groups = [decoder.decode(part) for part in (weights[:cut], weights[cut:])]
    assert np.array_equal(np.concatenate(groups), symbols)
    # The coder's interval is known to the byte, however improbable the symbols.
    assert len(code) <= information(Run(symbols, weights)).sum() / 8 * 1.005 + 1


def test_length_is_the_cross_entropy():
    rng = np.random.default_rng(0)
    logits = np.round(100 * rng.normal(size=(1024, 256))).astype(np.int64)
    exact = np.exp(logits / 64)
    exact /= exact.sum(1, keepdims=True)
    symbols = np.array([rng.choice(256, p=row) for row in exact])
    bits = -np.log2(exact[np.arange(1024), symbols]).sum()
    assert abs(len(encode([Run(symbols, symbol_weights(logits))])) - bits / 8) < 1 + 0.001 * bits / 8


def test_uniform_bytes_cost_no_more_than_themselves():
    symbols = np.random.default_rng(0).integers(256, size=64)
    assert len(encode([Run(symbols, np.ones((64, 256)))])) <= 65


@pytest.mark.parametrize(("symbol", "size"), [(0, 0), (3, 1)])
def test_certain_symbols_cost_next_to_nothing(symbol, size):
    logits = np.zeros((64, 16), np.int64)
    logits[:, symbol] = 5000
    assert len(encode([Run(np.full(64, symbol), symbol_weights(logits))])) == size


def test_impossible_symbols_can_be_coded():
    logits = np.zeros((4, 2), np.int64)
    logits[:, 0] = 10**6
    weights = symbol_weights(logits)
    symbols = np.ones(4, np.int64)
    assert information(Run(symbols, weights)) == pytest.approx(24)
    assert np.array_equal(Decoder(encode([Run(symbols, weights)])).decode(weights), symbols)


def test_weights_are_exact_integers():
    weights = symbol_weights(np.array([[0, -64, -(10**6)]]))
    assert weights.tolist() == [[2**32, round(2**32 / np.e), 0]]


def test_no_symbols_take_no_bytes():
    assert encode([Run(np.empty(0, np.int64), np.ones((0, 4)))]) == b""


@given(st.binary(max_size=40))
def test_any_bytes_decode_or_are_refused(data):
    weights = symbol_weights(np.arange(-2000, 2000, 100).reshape(1, 40).repeat(50, 0))
    try:
        symbols = Decoder(data).decode(weights)
    except EntropyError:
        return
    assert symbols.shape == (50,) and symbols.min() >= 0 and symbols.max() < 40


def test_bytes_of_a_known_stream():
    """Frozen: files that exist must stay readable."""
    logits = 40 * ((np.arange(24)[:, None] * 7 + np.arange(10) * 3) % 11)
    assert encode([Run(np.arange(24) % 10, symbol_weights(logits))]).hex() == "000adf2928ed1611b38a000ed91f297d"
