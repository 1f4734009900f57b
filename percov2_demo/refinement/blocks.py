"""A coded step's atoms to bytes and back: one number for which they are, and a bit for each one's sign.

In a file a byte of check follows each block. With a thousandth of bits flipped, files of 750 bytes keep 1 dB more
where the decoder stops at the first damaged block than where it takes the damage for noise, and 0.2 dB more than where
it leaves out that block alone: those after it were made for another prediction.
"""

import zlib
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from percov2_demo.errors import InputError
from percov2_demo.refinement.allocation import Allocation
from percov2_demo.refinement.combinations import rank, unrank


CHECK_BYTES = 1


class Atoms(NamedTuple):
    """What a block says.

    Attributes:
        positions: Which atoms of the step's dictionary, rising, `(M,)`.
        signs: 1 or -1 for each, `(M,)`.
    """

    positions: NDArray[np.int64]
    signs: NDArray[np.int64]


def block_bytes(size: int, atoms: int) -> int:
    """Return bytes of a block of so many atoms out of a dictionary of `size`."""
    return ((comb(size, atoms) << atoms) - 1).bit_length() + 7 >> 3


def refinement_bytes(allocation: Allocation) -> int:
    """Return the bytes of all blocks of a budget with their checks."""
    return sum(block_bytes(allocation.dictionary_size, step.atoms) + CHECK_BYTES for step in allocation.steps)


def write_block(atoms: Atoms, size: int) -> bytes:
    """Return the block of atoms out of a dictionary of `size`: the rank of their set, then signs, 1 for negative."""
    count = len(atoms.signs)
    negative = "".join("1" if sign < 0 else "0" for sign in atoms.signs.tolist())
    number = rank(atoms.positions.tolist(), size) << count | int(negative, 2)
    return number.to_bytes(block_bytes(size, count))


def read_block(block: bytes, size: int, atoms: int) -> Atoms:
    """Return the atoms of a block; any bytes name some: damage that passes the check is noise, not an error.

    Args:
        block: Its bytes.
        size: How many atoms the dictionary has.
        atoms: How many of them the block names.
    """
    number = int.from_bytes(block)
    positions = unrank((number >> atoms) % comb(size, atoms), size, atoms)
    negative = f"{number & (1 << atoms) - 1:0{atoms}b}"
    return Atoms(np.array(positions), 1 - 2 * np.array(list(negative)).astype(np.int64))


def seal_block(block: bytes) -> bytes:
    """Return a block with its check."""
    return block + _check(block)


def split_blocks(data: bytes, allocation: Allocation) -> list[bytes]:
    """Return the sound blocks at the start of a file's refinement, without their checks.

    Of a file that was cut short or damaged there are fewer than coded steps.

    Raises:
        InputError: There are more bytes than the blocks take.
    """
    blocks: list[bytes] = []
    for step in allocation.steps:
        length = block_bytes(allocation.dictionary_size, step.atoms)
        block, check, data = data[:length], data[length : length + CHECK_BYTES], data[length + CHECK_BYTES :]
        if check != _check(block):
            return blocks
        blocks.append(block)
    if data:
        raise InputError("the refinement has bytes too many")
    return blocks


def _check(block: bytes) -> bytes:
    return (zlib.crc32(block) & 0xFF).to_bytes(CHECK_BYTES)
