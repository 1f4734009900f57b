"""Integer logits to bytes and back, by range coding.

The coder's probabilities come from integers alone: a logit's distance from its row's largest is looked up in a table
of exponentials. These weights and their sums are integers below 2**53, so the float64 rows that `constriction` takes
hold them exactly; what it makes of them, one quotient a row and one product a symbol, is the same on every machine.
"""

from collections.abc import Iterator

import constriction
import numpy as np
from numpy.typing import NDArray

from percov2_demo.entropy.integer_layers import exponentials


_WEIGHT_BITS = 32
_PRECISION_BITS = 24
"""Bits of a probability in the coder; every symbol has at least one unit."""

_WORD = 4
_MODEL = constriction.stream.model.Categorical(perfect=False)


class EntropyError(ValueError):
    """The bytes were not made by this model's encoder."""


def symbol_weights(logits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows `(N, K)` of integers in proportion to the probabilities of logits `(N, K)` in units of 1/64."""
    table = exponentials(_WEIGHT_BITS)
    below = logits.max(axis=1, keepdims=True) - logits
    return table[np.minimum(below, len(table) - 1)].astype(np.float64)


def information(symbols: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bits `(N,)` that the coder spends on symbols `(N,)` with weights `(N, K)`."""
    shares = np.take_along_axis(weights, symbols[:, None], axis=1)[:, 0] / weights.sum(axis=1)
    units = 2**_PRECISION_BITS
    return -np.log2((shares * (units - weights.shape[1]) + 1) / units)


def encode(symbols: NDArray[np.int64], weights: NDArray[np.float64]) -> bytes:
    """The shortest bytes that decode to symbols `(N,)`, each from 0 to K - 1, with weights `(N, K)`.

    A range coder ends in the middle of an interval, with more bytes than it takes to tell that interval from others
    when the missing ones count as zero: the last are dropped, and what is left is rounded up where that is needed.
    """
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(symbols.astype(np.int32), _MODEL, weights)
    return next(code for code in _shortened(encoder.get_compressed()) if _decodes_to(code, symbols, weights))


def _shortened(words: NDArray[np.uint32]) -> Iterator[bytes]:
    """What may be left of a code, the shortest first; the code itself comes last."""
    whole = words.astype(">u4").tobytes()
    number = int.from_bytes(whole)
    for length in range(max(0, len(whole) - 2 * _WORD), len(whole)):
        kept = number >> 8 * (len(whole) - length)
        for rounded in (kept, kept + 1):
            if rounded < 256**length:
                yield rounded.to_bytes(length)
    yield whole


def _decodes_to(code: bytes, symbols: NDArray[np.int64], weights: NDArray[np.float64]) -> bool:
    try:
        return np.array_equal(Decoder(code).decode(weights), symbols)
    except EntropyError:
        return False


class Decoder:
    """Symbols from bytes, a group at a time.

    Args:
        data: Bytes made by `encode`.
    """

    def __init__(self, data: bytes):
        words = np.frombuffer(data + bytes(-len(data) % _WORD), dtype=">u4")
        self._decoder = constriction.stream.queue.RangeDecoder(words.astype(np.uint32))

    def decode(self, weights: NDArray[np.float64]) -> NDArray[np.int64]:
        """The next symbols `(N,)`, of weights `(N, K)`.

        Raises:
            EntropyError: No encoder makes such bytes; not all damage is noticed.
        """
        try:
            return self._decoder.decode(_MODEL, weights).astype(np.int64)
        except AssertionError:
            raise EntropyError("the entropy-coded data is damaged") from None
