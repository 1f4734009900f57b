"""A dictionary of noise that both sides make from integers: the columns of a randomised Hadamard matrix.

Subsampled and with random signs (the subsampled randomised Hadamard transform, Tropp, arXiv 1011.1595), its atoms
look like white noise to a painter, and projecting on all of them takes O(d log d) additions. Everything random comes
from Philox, a counter-based generator of integers (Salmon et al., SC 2011), whose raw output NumPy keeps stable. Sums
of signs are integers that single precision holds, so that the noise is the same to the bit on every machine.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


_KEY = 0x5043_5632
"""Key of the generator: "PCV2"."""

_WORD_BITS = 64


class Dictionary:
    """The atoms of one coded step: as many as the next power of two has, of entries 1 and -1.

    Args:
        dimension: Elements of the latent, d.
        step: Number of the coded step; each has signs of its own.
    """

    def __init__(self, dimension: int, step: int):
        self.dimension = dimension
        self.size = 1 << (dimension - 1).bit_length()
        self._signs = torch.from_numpy(_signs(dimension, step))
        self._rows = None if self.size == dimension else torch.from_numpy(_rows(dimension, self.size))

    def project(self, residual: Tensor) -> Tensor:
        """Return products `(size,)` of all atoms with a residual `(d,)`.

        They are sums in one fixed order, so that they depend on the residual alone, not on threads or processor.
        """
        signed = self._signs * residual.float()
        if self._rows is None:
            return _walsh_hadamard(signed)
        scattered = torch.zeros(self.size)
        scattered[self._rows] = signed
        return _walsh_hadamard(scattered)

    def combine(self, positions: NDArray[np.int64], signs: NDArray[np.int64]) -> Tensor:
        """Compute noise `(d,)` of unit variance, exactly: a sum of signed atoms over the root of their number.

        Args:
            positions: Which atoms, `(M,)`.
            signs: 1 or -1 for each, `(M,)`.
        """
        coefficients = torch.zeros(self.size)
        coefficients[torch.from_numpy(positions)] = torch.from_numpy(signs).float()
        sums = _walsh_hadamard(coefficients)
        if self._rows is not None:
            sums = sums[self._rows]
        return self._signs * sums / torch.tensor(float(len(positions))).sqrt()


def _walsh_hadamard(values: Tensor) -> Tensor:
    """The Walsh-Hadamard transform `(n,)`, not scaled, of values `(n,)`, n a power of two."""
    half = 1
    while half < len(values):
        first, second = values.view(-1, 2, half).unbind(1)
        values = torch.stack((first + second, first - second), dim=1).view(-1)
        half *= 2
    return values


def _words(count: int, step: int, stream: int) -> NDArray[np.uint64]:
    """Random integers of a step; streams are independent of each other."""
    return np.random.Philox(key=_KEY, counter=[0, 0, stream, step]).random_raw(count)


@lru_cache(maxsize=16)
def _signs(dimension: int, step: int) -> NDArray[np.float32]:
    words = _words(-(-dimension // _WORD_BITS), step, stream=0)
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")[:dimension]
    return 1 - 2 * bits.astype(np.float32)


@lru_cache(maxsize=4)
def _rows(dimension: int, size: int) -> NDArray[np.int64]:
    """Which rows of the Hadamard matrix are kept: neighbouring ones would make pairs of atoms alike."""
    return np.sort(np.argsort(_words(size, 0, stream=1), kind="stable")[:dimension])
