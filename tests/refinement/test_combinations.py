"""Sets to numbers and back, exactly."""

from itertools import combinations
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.errors import InputError
from percov2_demo.refinement.combinations import rank, unrank


@st.composite
def sets(draw):
    universe = draw(st.integers(1, 2**17))
    chosen = draw(st.sets(st.integers(0, universe - 1), max_size=40))
    return sorted(chosen), universe


@settings(deadline=None, max_examples=25)
@given(sets())
def test_round_trip(case):
    positions, universe = case
    number = rank(positions, universe)
    assert 0 <= number < comb(universe, len(positions))
    assert unrank(number, universe, len(positions)) == positions


@settings(deadline=None)
@given(st.integers(1, 60), st.data())
def test_every_number_has_its_set(universe, data):
    size = data.draw(st.integers(0, universe))
    number = data.draw(st.integers(0, comb(universe, size) - 1))
    assert rank(unrank(number, universe, size), universe) == number


def test_order_is_colexicographic():
    ordered = sorted(combinations(range(7), 3), key=lambda positions: positions[::-1])
    assert [rank(positions, 7) for positions in ordered] == list(range(comb(7, 3)))


def test_large_sets():
    positions = [*range(500), *range(60_000, 61_000), 2**17 - 1]
    assert unrank(rank(positions, 2**17), 2**17, len(positions)) == positions


@pytest.mark.parametrize("number", [-1, comb(10, 3)])
def test_numbers_of_no_set_are_refused(number):
    with pytest.raises(InputError, match="have numbers below 120"):
        unrank(number, 10, 3)
