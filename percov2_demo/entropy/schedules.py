"""Schedules: the order in which a map's indices are coded, in groups that are predicted from all groups before.

All of it is integer arithmetic, so that encoder and decoder agree on every machine.
"""

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from percov2_demo.bitstream import SCHEDULES, Header
from percov2_demo.errors import InputError


Groups = tuple[NDArray[np.int64], ...]

_R2 = (0x91E10DA6, 0xC13FA9A9)
"""`2**32 / rho**2` and `2**32 / rho` for rows and columns; rho is the real root of x**3 = x + 1."""

_QUINCUNX_STRIDE = 4
_ALPHA = (11, 5)
"""The exponent 2.2 of the group sizes, as a fraction."""


def stream_groups(header: Header) -> Groups:
    """Return the groups in which a stream's indices travel, also those that are not sent."""
    return schedule(header.entropy, *header.grid, header.entropy_steps or 1)


@lru_cache(maxsize=64)
def schedule(name: str, rows: int, columns: int, steps: int = 12) -> Groups:
    """Return the groups of a schedule.

    Args:
        name: "uniform", one group; "checkerboard", two (He et al., arXiv 2103.15306); "quincunx", five from every
            fourth row and column on, halving the spacing by turns; "qlds", `steps` groups along a low-discrepancy
            sequence, of sizes that grow (M2T, Mentzer et al., arXiv 2304.07313); "var", coarse to fine by powers of
            two.
        rows: Rows of the map.
        columns: Columns of the map.
        steps: Groups of "qlds"; fewer where the map has fewer cells.

    Returns:
        Read-only arrays of positions `row * columns + column`, ascending in each; disjoint, none empty, and together
        the whole map.

    Raises:
        InputError: There is no such schedule, or a number is not positive.
    """
    if name not in _GROUP_NUMBERS:
        raise InputError(f"unknown schedule {name!r}: choose one of {', '.join(SCHEDULES)}")
    if min(rows, columns, steps) < 1:
        raise InputError(f"rows, columns and steps must be positive, not {rows}, {columns} and {steps}")
    numbers = _GROUP_NUMBERS[name](rows, columns, steps).ravel()
    groups = tuple(np.flatnonzero(numbers == number) for number in np.unique(numbers))
    for group in groups:
        group.setflags(write=False)
    return groups


def _uniform(rows: int, columns: int, steps: int) -> NDArray[np.int64]:
    return np.zeros((rows, columns), np.int64)


def _checkerboard(rows: int, columns: int, steps: int) -> NDArray[np.int64]:
    row, column = np.indices((rows, columns))
    return (row + column) % 2


def _quincunx(rows: int, columns: int, steps: int) -> NDArray[np.int64]:
    row, column = np.indices((rows, columns))
    numbers = np.full((rows, columns), 4)
    stride = _QUINCUNX_STRIDE
    numbers[(row % 2 == 1) & (column % 2 == 1)] = 3
    numbers[(row % 2 == 0) & (column % 2 == 0)] = 2
    numbers[(row % stride == stride // 2) & (column % stride == stride // 2)] = 1
    numbers[(row % stride == 0) & (column % stride == 0)] = 0
    return numbers


def _qlds(rows: int, columns: int, steps: int) -> NDArray[np.int64]:
    cells = rows * columns
    numbers = np.empty(cells, np.int64)
    numbers[_low_discrepancy_order(rows, columns)] = np.repeat(
        np.arange(min(steps, cells)), np.diff(_cumulative_sizes(cells, min(steps, cells)), prepend=0)
    )
    return numbers.reshape(rows, columns)


def _coarse_to_fine(rows: int, columns: int, steps: int) -> NDArray[np.int64]:
    row, column = np.indices((rows, columns))
    numbers = np.zeros((rows, columns), np.int64)
    stride = 1
    while stride < max(rows, columns):
        numbers += (row % stride != 0) | (column % stride != 0)
        stride *= 2
    return numbers


_GROUP_NUMBERS: dict[str, Callable[[int, int, int], NDArray[np.int64]]] = dict(
    zip(SCHEDULES, (_uniform, _checkerboard, _quincunx, _qlds, _coarse_to_fine), strict=True)
)


def _low_discrepancy_order(rows: int, columns: int) -> NDArray[np.int64]:
    """Order all cells as Roberts' sequence R2, in 32-bit fixed point, first visits them."""
    cells = rows * columns
    points = 4 * cells
    while True:
        number = np.arange(1, points + 1, dtype=np.uint64)
        row, column = (
            (number * np.uint64(step) + np.uint64(2**31)) % np.uint64(2**32) * np.uint64(size) >> np.uint64(32)
            for step, size in zip(_R2, (rows, columns), strict=True)
        )
        order, first = np.unique(row * np.uint64(columns) + column, return_index=True)
        if len(order) == cells:
            return order[np.argsort(first)].astype(np.int64)
        points *= 2


def _cumulative_sizes(cells: int, steps: int) -> list[int]:
    """Return `cells * (i / steps)**2.2` rounded, for i = 1 ... steps, at least one cell more at each step."""
    power, root = _ALPHA
    sizes: list[int] = []
    for i in range(1, steps + 1):
        # The largest c with (c - 1/2) <= cells * (i / steps)**(power / root).
        target = (2 * cells) ** root * i**power
        rounded = bisect_right(range(1, cells + 1), target, key=lambda c: (2 * c - 1) ** root * steps**power)
        sizes.append(max(rounded, sizes[-1] + 1 if sizes else 1))
    return sizes
