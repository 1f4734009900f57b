"""Range-code symbols of integer logits to bytes and back.

The coder's probabilities come from integers alone: a logit's distance from its row's largest is looked up in a table
of exponentials. These weights and their sums are integers below 2**53, so the float64 rows that `constriction` takes
hold them exactly; what it makes of them, one quotient a row and one product a symbol, is the same on every machine.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import constriction
import numpy as np
from numpy.typing import NDArray

from percov2_demo.entropy.integer_layers import exponentials
from percov2_demo.errors import StreamError


_WEIGHT_BITS = 32
_PRECISION_BITS = 24
"""Bits of a probability in the coder; every symbol has at least one unit."""

_WORD = 4
_MODEL = constriction.stream.model.Categorical(perfect=False)


class EntropyError(StreamError):
    """The bytes were not made by this model's encoder."""


class Run(NamedTuple):
    """Symbols of one alphabet in a row.

    Attributes:
        symbols: `(N,)`, from 0 to K - 1.
        weights: `(N, K)`, in proportion to the symbols' probabilities.
    """

    symbols: NDArray[np.int64]
    weights: NDArray[np.float64]


def symbol_weights(logits: NDArray[np.int64]) -> NDArray[np.float64]:
    """Convert logits `(N, K)` in units of 1/64 to integers in proportion to their probabilities."""
    table = exponentials(_WEIGHT_BITS)
    below = logits.max(axis=1, keepdims=True) - logits
    return table[np.minimum(below, len(table) - 1)].astype(np.float64)


def information(run: Run) -> NDArray[np.float64]:
    """Return the bits `(N,)` that the coder spends on each symbol."""
    symbols, weights = run
    shares = np.take_along_axis(weights, symbols[:, None], axis=1)[:, 0] / weights.sum(axis=1)
    units = 2**_PRECISION_BITS
    return -np.log2((shares * (units - weights.shape[1]) + 1) / units)


def entropy(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bits `(N,)` that a symbol of each row of weights `(N, K)` is expected to cost."""
    shares = weights / weights.sum(axis=1, keepdims=True)
    return -(shares * np.log2(shares, out=np.zeros_like(shares), where=shares > 0)).sum(axis=1)


def encode(runs: Sequence[Run]) -> bytes:
    """Encode runs to the fewest bytes that decode to them: the end that is not needed is left out.

    A range coder ends in the middle of an interval, with more bytes than it takes to tell that interval from others
    when the missing ones count as zero: the last are dropped, and what is left is rounded up where that is needed.
    """
    encoder = constriction.stream.queue.RangeEncoder()
    for symbols, weights in runs:
        encoder.encode(symbols.astype(np.int32), _MODEL, weights)
    for code in _shortened(encoder.get_compressed()):
        if _decodes_to(code, runs):
            return code
    raise EntropyError("the range coder does not decode what it encoded")


def _shortened(words: NDArray[np.uint32]) -> Iterator[bytes]:
    """Yield shortened forms of a code, the shortest first and the code itself last."""
    whole = words.astype(">u4").tobytes()
    number = int.from_bytes(whole)
    for length in range(max(0, len(whole) - 2 * _WORD), len(whole)):
        kept = number >> 8 * (len(whole) - length)
        for rounded in (kept, kept + 1):
            if rounded < 256**length:
                yield rounded.to_bytes(length)
    yield whole


def _decodes_to(code: bytes, runs: Sequence[Run]) -> bool:
    decoder = Decoder(code)
    try:
        return all(np.array_equal(decoder.decode(run.weights), run.symbols) for run in runs)
    except EntropyError:
        return False


class Decoder:
    """Symbols from bytes, a run at a time.

    Args:
        data: Bytes made by `encode`.

    Attributes:
        runs: What was decoded so far.
    """

    def __init__(self, data: bytes):
        self.runs: list[Run] = []
        self._data = data
        words = np.frombuffer(data + bytes(-len(data) % _WORD), dtype=">u4")
        self._decoder = constriction.stream.queue.RangeDecoder(words.astype(np.uint32))

    def decode(self, weights: NDArray[np.float64]) -> NDArray[np.int64]:
        """Decode the next symbols `(N,)`, of weights `(N, K)`.

        Raises:
            EntropyError: No encoder makes such bytes; not all damage is noticed.
        """
        try:
            symbols = self._decoder.decode(_MODEL, weights).astype(np.int64)
        except AssertionError:
            raise EntropyError("the entropy-coded data is damaged") from None
        self.runs.append(Run(symbols, weights))
        return symbols

    def finish(self) -> None:
        """Check that nothing is left over.

        Raises:
            EntropyError: `encode` makes other bytes of what was decoded.
        """
        if encode(self.runs) != self._data:
            raise EntropyError("the entropy-coded data has bytes too few or too many")
