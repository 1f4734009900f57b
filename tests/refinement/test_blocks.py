"""Atoms to bytes and back."""

from hashlib import sha256
from math import comb, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.errors import InputError
from percov2_demo.refinement.allocation import Allocation
from percov2_demo.refinement.blocks import (
    Atoms,
    block_bytes,
    read_block,
    refinement_bytes,
    seal_block,
    split_blocks,
    write_block,
)


@st.composite
def coded_atoms(draw):
    size = 2 ** draw(st.integers(4, 17))
    positions = draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=16))
    signs = [draw(st.sampled_from([-1, 1])) for _ in positions]
    return Atoms(np.array(sorted(positions)), np.array(signs)), size


@settings(deadline=None)
@given(coded_atoms())
def test_round_trip(case):
    atoms, size = case
    block = write_block(atoms, size)
    assert len(block) == block_bytes(size, len(atoms.signs))
    received = read_block(block, size, len(atoms.signs))
    assert np.array_equal(received.positions, atoms.positions)
    assert np.array_equal(received.signs, atoms.signs)


@pytest.mark.parametrize(("atoms", "size"), [(4, 8), (8, 16), (30, 51), (100, 147), (200, 269)])
def test_bytes_are_the_logarithm_of_the_choices(atoms, size):
    """As the throw-away trial counted them, bytes rounded up here."""
    assert block_bytes(65536, atoms) == size or block_bytes(65536, atoms) == size + 1
    assert block_bytes(65536, atoms) - 1 < (log2(comb(65536, atoms)) + atoms) / 8 <= block_bytes(65536, atoms)


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=51, max_size=51))
def test_any_bytes_name_atoms(block):
    positions, signs = read_block(block, 65536, 30)
    assert len(set(positions.tolist())) == len(signs) == 30
    assert 0 <= positions.min() <= positions.max() < 65536


@settings(deadline=None)
@given(st.integers(1, 4000), st.data())
def test_any_prefix_gives_its_whole_blocks(budget, data):
    allocation = Allocation(65536, budget)
    lengths = [block_bytes(65536, step.atoms) for step in allocation.steps]
    parts = [bytes((number * length) % 251 for number in range(length)) for length in lengths]
    whole = b"".join(map(seal_block, parts))
    assert len(whole) == refinement_bytes(allocation)
    cut = data.draw(st.integers(0, len(whole)))
    blocks = split_blocks(whole[:cut], allocation)
    assert blocks == parts[: len(blocks)]
    assert cut - sum(len(block) + 1 for block in blocks) <= max(lengths)


def test_golden_blocks():
    """What is in people's files stays what it was."""
    atoms = Atoms(np.array([0, 3, 700, 65535]), np.array([1, -1, -1, 1]))
    assert write_block(atoms, 65536).hex() == "aaa400178b7cf306"
    many = Atoms(np.arange(0, 4096, 17), np.where(np.arange(241) % 3, 1, -1))
    assert (
        sha256(seal_block(write_block(many, 4096))).hexdigest()
        == "e6898395725df29adcb738a35fa3e7d6d9c5c63c328c8dd0922a3c39226f81db"
    )


def test_bytes_too_many_are_refused():
    allocation = Allocation(65536, 10)
    with pytest.raises(InputError, match="too many"):
        split_blocks(seal_block(bytes(block_bytes(65536, 10))) + bytes(1), allocation)


def test_a_damaged_block_ends_the_refinement():
    allocation = Allocation(65536, 500)
    parts = [bytes(block_bytes(65536, step.atoms)) for step in allocation.steps]
    whole = bytearray(b"".join(map(seal_block, parts)))
    whole[len(parts[0]) + 20] ^= 8
    assert split_blocks(bytes(whole), allocation) == parts[:1]
