"""Schedules: partitions of any map, of the sizes and spreads that were published or computed before."""

from itertools import pairwise

import numpy as np
import pytest

from percov2_demo.entropy.schedules import SCHEDULES, schedule
from percov2_demo.errors import InputError


@pytest.mark.parametrize("name", SCHEDULES)
def test_groups_are_a_partition_in_raster_order(name):
    for rows in range(1, 21):
        for columns in range(1, 21):
            for steps in (1, 5, 12):
                groups = schedule(name, rows, columns, steps)
                assert np.array_equal(np.sort(np.concatenate(groups)), np.arange(rows * columns))
                assert all(len(group) and (np.diff(group) > 0).all() for group in groups)


@pytest.mark.parametrize(
    ("name", "side", "steps", "sizes"),
    [
        ("uniform", 8, 5, [64]),
        ("checkerboard", 8, 5, [32, 32]),
        ("checkerboard", 64, 5, [2048, 2048]),
        ("quincunx", 8, 5, [4, 4, 8, 16, 32]),
        ("quincunx", 32, 5, [64, 64, 128, 256, 512]),
        ("qlds", 8, 5, [2, 7, 12, 18, 25]),
        ("qlds", 8, 12, [1, 1, 1, 3, 3, 5, 6, 6, 8, 9, 10, 11]),
        ("qlds", 16, 5, [7, 27, 49, 74, 99]),
        ("qlds", 16, 12, [1, 4, 7, 11, 14, 19, 22, 27, 31, 35, 40, 45]),
        ("qlds", 32, 5, [30, 106, 197, 294, 397]),
        ("qlds", 32, 12, [4, 16, 29, 42, 58, 74, 90, 107, 124, 142, 160, 178]),
        ("qlds", 64, 12, [17, 63, 114, 171, 232, 294, 360, 428, 496, 568, 639, 714]),
        ("var", 8, 5, [4, 12, 48]),
        ("var", 32, 5, [4, 12, 48, 192, 768]),
    ],
)
def test_group_sizes(name, side, steps, sizes):
    assert [len(group) for group in schedule(name, side, side, steps)] == sizes


def test_qlds_sizes_follow_the_power_for_all_small_maps():
    for cells in range(12, 400):
        sizes = np.cumsum([len(group) for group in schedule("qlds", 1, cells, 12)])
        exact = cells * (np.arange(1, 13) / 12) ** 2.2
        forced = np.diff(sizes, prepend=0) == 1
        assert (forced | (abs(sizes - exact) <= 0.5 + 1e-9)).all()


def test_qlds_visits_cells_in_the_order_of_the_sequence():
    """Each step of a 64-step schedule adds one cell; the sequence computed in floating point."""
    cells = [divmod(int(group[0]), 8) for group in schedule("qlds", 8, 8, 64)]
    assert cells[:8] == [(0, 2), (5, 0), (1, 6), (6, 4), (2, 2), (7, 0), (3, 6), (0, 4)]
    rho = 1.32471795724474602596
    expected = []
    for n in range(1, 142):
        cell = int((0.5 + n / rho**2) % 1 * 8), int((0.5 + n / rho) % 1 * 8)
        if cell not in expected:
            expected.append(cell)
    assert cells == expected


def spreads(groups, columns):
    """Least distance inside each group, and mean distance of a group's cells to the nearest cell known before."""
    points = [np.stack(np.divmod(group, columns), -1).astype(float) for group in groups]
    inside, outside = [], []
    for number, group in enumerate(points):
        distances = np.linalg.norm(group[:, None] - group, axis=-1)
        np.fill_diagonal(distances, np.inf)
        inside.append(distances.min())
        if number:
            known = np.concatenate(points[:number])
            outside.append(np.linalg.norm(group[:, None] - known, axis=-1).min(1).mean())
    return inside, outside


@pytest.mark.parametrize(
    ("name", "side", "inside", "outside"),
    [
        ("quincunx", 32, [4.00, 4.00, 2.83, 2.00, 1.41], [2.83, 2.00, 1.41, 1.00]),
        ("checkerboard", 16, [1.41, 1.41], [1.00]),
        ("qlds", 8, [5.39, 2.00, 2.00, 1.00, 1.00], [3.04, 1.52, 1.09, 1.00]),
        ("qlds", 32, [3.61, 2.00, 1.00, 1.00, 1.00], [2.80, 1.37, 1.07, 1.00]),
    ],
)
def test_groups_are_spread_out(name, side, inside, outside):
    measured = spreads(schedule(name, side, side, 5), side)
    assert measured[0] == pytest.approx(inside, abs=0.006)
    assert measured[1] == pytest.approx(outside, abs=0.006)


def test_var_refines_a_regular_lattice():
    groups = schedule("var", 12, 20)
    known = np.zeros(240, bool)
    for group, stride in zip(groups, (16, 8, 4, 2, 1), strict=True):
        known[group] = True
        row, column = np.divmod(np.flatnonzero(known), 20)
        assert not (row % stride).any() and not (column % stride).any()
        assert known.sum() == -(-12 // stride) * -(-20 // stride)


def test_growing_groups():
    sizes = [len(group) for group in schedule("qlds", 64, 30, 12)]
    assert all(smaller <= larger for smaller, larger in pairwise(sizes))


def test_groups_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        schedule("qlds", 8, 8)[0][0] = 1


def test_unknown_schedule():
    with pytest.raises(InputError, match="choose one of uniform, "):
        schedule("spiral", 8, 8)


@pytest.mark.parametrize("numbers", [(0, 8, 5), (8, 8, 0)])
def test_numbers_must_be_positive(numbers):
    with pytest.raises(InputError, match="must be positive"):
        schedule("qlds", *numbers)
