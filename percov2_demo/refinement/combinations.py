"""Sets of positions to integers and back, in exact arithmetic and without tables.

The combinatorial number system: positions `c_1 < ... < c_M` have the rank `C(c_1, 1) + ... + C(c_M, M)`, which counts
the sets of that size in colexicographic order (Knuth, The Art of Computer Programming 4A, section 7.2.1.3). Binomial
coefficients have thousands of bits here; each is made from the last one by a product and a division, or anew where
that is less work.
"""

from collections.abc import Sequence
from math import comb, perm

from percov2_demo.errors import InputError


def rank(positions: Sequence[int], universe: int) -> int:
    """Return the number of a set of positions, from 0 to `comb(universe, len(positions)) - 1`.

    Args:
        positions: Rising, from 0 to `universe - 1`.
        universe: How many positions there are.
    """
    number, above = 0, universe
    size = len(positions)
    # Invariant: `count` is C(above, size).
    count = comb(universe, size)
    for position in reversed(positions):
        count = _lowered(count, above, size, above - position - 1)
        number += count * (position + 1 - size) // (position + 1)
        count = count * size // (position + 1)
        above, size = position, size - 1
    return number


def unrank(number: int, universe: int, size: int) -> list[int]:
    """Return the rising positions of the set of that number and size.

    Args:
        number: From 0 to `comb(universe, size) - 1`.
        universe: How many positions there are.
        size: How many of them are in the set.

    Raises:
        InputError: There is no set of that number.
    """
    count = comb(universe, size)
    if not 0 <= number < count:
        raise InputError(f"sets of {size} out of {universe} positions have numbers below {count}")
    positions, above = [], universe
    while size:
        # Down to the lowest `above` whose count is still more than the number, in strides that halve.
        stride = 1 << (above // size).bit_length()
        while stride:
            if above - stride >= size and (lower := _lowered(count, above, size, stride)) > number:
                above, count = above - stride, lower
            else:
                stride >>= 1
        number -= count * (above - size) // above
        count = count * size // above
        above, size = above - 1, size - 1
        positions.append(above)
    return positions[::-1]


def _lowered(count: int, above: int, size: int, stride: int) -> int:
    """`C(above - stride, size)`, of `count`, which is `C(above, size)`, in min(stride, size) products."""
    if stride > size:
        return comb(above - stride, size)
    return count * perm(above - size, stride) // perm(above, stride)
