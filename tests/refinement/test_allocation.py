"""One number says where the atoms go."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.bitstream import MAX_ATOMS
from percov2_demo.errors import InputError
from percov2_demo.refinement.allocation import Allocation, max_atoms


@settings(deadline=None)
@given(st.integers(16, 2**18), st.data())
def test_everything_is_spent_the_most_of_it_first(dimension, data):
    budget = data.draw(st.integers(1, max_atoms(dimension)))
    steps = Allocation(dimension, budget).steps
    atoms = [step.atoms for step in steps]
    sigmas = [step.sigma for step in steps]
    assert sum(atoms) == budget
    assert min(atoms) > 0
    assert sorted(atoms, reverse=True) == atoms
    assert sorted(set(sigmas), reverse=True) == sigmas
    assert all(0 < sigma < 1 for sigma in sigmas)


@pytest.mark.parametrize(("dimension", "atoms"), [(65536, 0), (65536, MAX_ATOMS + 1), (64, 17)])
def test_budgets_out_of_range_are_refused(dimension, atoms):
    with pytest.raises(InputError, match="a refinement has 1 to"):
        Allocation(dimension, atoms)
