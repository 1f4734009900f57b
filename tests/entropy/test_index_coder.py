"""Maps of indices as symbols, and maps with holes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.entropy.coder import Decoder, EntropyError, encode
from percov2_demo.entropy.index_coder import IndexCoder, UniformIndexCoder, conceal
from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.schedules import SCHEDULES, schedule
from percov2_demo.errors import InputError
from percov2_demo.presets import get_preset
from tests.conftest import MODEL_PRESETS
from tests.entropy.conftest import frozen, random_masked_model


CODER = IndexCoder(frozen(random_masked_model()))


def random_indices(grid: tuple[int, int], preset: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(get_preset(preset).codebook_size, size=grid)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("preset", MODEL_PRESETS)
def test_round_trip_at_the_promised_size(preset, name):
    indices, groups = random_indices((7, 9), preset), schedule(name, 7, 9, 5)
    code = encode(CODER.runs(indices, preset, groups))
    assert np.array_equal(CODER.read(Decoder(code), (7, 9), preset, groups), indices)
    information = CODER.information(indices, preset, groups)
    assert information.shape == (7, 9)
    assert abs(len(code) - information.sum() / 8) <= 1 + 0.005 * len(code)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.sampled_from(SCHEDULES), st.integers(0, 99))
def test_round_trip_of_any_grid(rows, columns, steps, name, seed):
    indices, groups = random_indices((rows, columns), "ultra-low", seed), schedule(name, rows, columns, steps)
    for coder in (CODER, UniformIndexCoder()):
        code = encode(coder.runs(indices, "ultra-low", groups))
        assert np.array_equal(coder.read(Decoder(code), (rows, columns), "ultra-low", groups), indices)


def test_uniform_indices_cost_their_bits():
    indices = random_indices((8, 8), "low")
    assert len(encode(UniformIndexCoder().runs(indices, "low", schedule("uniform", 8, 8)))) in (80, 81)


def test_an_index_is_predicted_from_earlier_groups_alone():
    groups = schedule("quincunx", 8, 8)
    indices = random_indices((8, 8), "ultra-low")
    changed = indices.copy()
    changed.flat[groups[3]] = (indices.flat[groups[3]] + 1) % 256
    before = CODER.information(indices, "ultra-low", groups)
    after = CODER.information(changed, "ultra-low", groups)
    for group in groups[:3]:
        assert np.array_equal(before.flat[group], after.flat[group])
    assert not np.array_equal(before.flat[groups[4]], after.flat[groups[4]])


def test_weights_are_those_of_the_positions_asked_for():
    known = np.full((4, 4), MASK)
    known[1, 2] = 7
    everywhere = CODER.weights(known, "low", np.arange(16))
    assert everywhere.shape == (16, 1024)
    assert np.array_equal(CODER.weights(known, "low", np.array([3, 9])), everywhere[[3, 9]])


@given(st.binary(max_size=60))
@settings(max_examples=30, deadline=None)
def test_any_bytes_decode_or_are_refused(data):
    try:
        indices = CODER.read(Decoder(data), (4, 4), "ultra-low", schedule("qlds", 4, 4, 5))
    except EntropyError:
        return
    assert indices.min() >= 0 and indices.max() < 256


def test_completion_keeps_what_is_known_and_draws_the_rest_by_its_seed():
    groups = schedule("qlds", 8, 8, 5)
    known = random_indices((8, 8), "ultra-low")
    missing = np.concatenate(groups[3:])
    known.flat[missing] = MASK
    first, again, other = (CODER.complete(known, "ultra-low", groups, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(first[known != MASK], known[known != MASK])
    assert first.min() >= 0 and first.max() < 256


def test_draws_follow_the_probabilities():
    known = np.full((1, 1), MASK)
    weights = CODER.weights(known, "ultra-low", np.array([0]))[0]
    draws = [int(CODER.complete(known, "ultra-low", schedule("uniform", 1, 1), seed)[0, 0]) for seed in range(400)]
    likely = np.argsort(weights)[-64:]
    expected = weights[likely].sum() / weights.sum()
    assert np.isin(draws, likely).mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 400) ** 0.5)


@pytest.mark.parametrize("temperature", [-1 / 64, 1 / 128, math.inf, math.nan])
def test_temperatures_that_no_stream_could_hold_are_refused(temperature):
    known = np.full((2, 2), MASK)
    with pytest.raises(InputError, match="the temperature must be a multiple of 1/64"):
        CODER.complete(known, "ultra-low", schedule("uniform", 2, 2), 0, temperature)


def test_temperature_zero_is_the_most_likely_and_low_ones_are_near_it():
    known = np.full((4, 4), MASK)
    group = schedule("uniform", 4, 4)
    best = CODER.weights(known, "ultra-low", np.arange(16)).argmax(1).reshape(4, 4)
    assert np.array_equal(CODER.complete(known, "ultra-low", group, 5, 0), best)
    assert np.array_equal(CODER.complete(known, "ultra-low", group, 5, 1 / 64), best)


def test_draws_are_the_same_everywhere():
    """Frozen: they depend on integers alone."""
    known = np.full((2, 3), MASK)
    logits = np.arange(6 * 256).reshape(6, 256) * 37 % 256
    coder = IndexCoder(frozen(random_masked_model()))
    coder.logits = lambda _known, _preset, group: logits[group]
    drawn = coder.complete(known, "ultra-low", schedule("uniform", 2, 3), seed=7, temperature=0.5)
    assert drawn.tolist() == [[144, 178, 131], [185, 69, 221]]


def test_lost_indices_are_filled_and_the_others_kept():
    indices = random_indices((6, 6), "low")
    lost = [0, 7, 35]
    filled = conceal(CODER, indices, lost, "low", seed=3)
    kept = np.ones(36, bool)
    kept[lost] = False
    assert np.array_equal(filled.ravel()[kept], indices.ravel()[kept])
    changed = indices.copy()
    changed.flat[lost] = 0
    assert np.array_equal(conceal(CODER, changed, lost, "low", seed=3), filled)
