"""What follows the base stream of a refined file: noise for the painter, in blocks from the most important on.

A refined file has, after its sizes and the description of its indices, the fields

    atoms   2 * atoms + 1 where a painter is named, else 2 * atoms
    painter the first byte of the painter's fingerprint, where it is not the stream's model
    length  bytes of the payload

where the first and the last are numbers in groups of 7 bits, the lowest first, all but the last group with their
eighth bit set. The blocks follow the payload, to the end of the file, each with a byte of check: the low byte of its
CRC-32. A file that ends early, or is damaged from some block on, is a coarser one.
"""

from dataclasses import dataclass

from percov2_demo.errors import InputError, StreamError


MAX_ATOMS = 2**13 - 1
"""Largest budget: what two bytes hold beside the bit that names a painter."""

MAX_REFINEMENT_BYTES = 2**14
"""Bytes of all blocks of the largest budget and picture, and some to spare."""

_MAX_GROUPS = 4

MAX_FIELDS_BYTES = 2 * _MAX_GROUPS + 1
"""Bytes of the longest fields."""


@dataclass(frozen=True)
class Refinement:
    """The refinement of a file.

    Attributes:
        atoms: The budget that the sender's blocks were made for, 1 to `MAX_ATOMS`.
        data: The blocks, or as many of their bytes as there are.
        painter: First byte of the fingerprint of the painter that the blocks were made with; None for the stream's
            model.

    Raises:
        InputError: A field is out of range.
    """

    atoms: int
    data: bytes
    painter: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.atoms <= MAX_ATOMS:
            raise InputError(f"a refinement has 1 to {MAX_ATOMS} atoms, not {self.atoms}")
        if len(self.data) > MAX_REFINEMENT_BYTES:
            raise InputError(f"a refinement has at most {MAX_REFINEMENT_BYTES} bytes, not {len(self.data)}")
        if self.painter is not None and not 0 <= self.painter <= 255:
            raise InputError(f"the painter's identity must be from 0 to 255, not {self.painter}")

    def fields(self, payload_bytes: int) -> bytes:
        """Return the fields of a file whose payload has so many bytes."""
        painter = b"" if self.painter is None else bytes([self.painter])
        return _write_number(2 * self.atoms + len(painter)) + painter + _write_number(payload_bytes)


def read_fields(data: bytes, position: int) -> tuple[int, int | None, int, int]:
    """Return `(atoms, painter, bytes of the payload, where it begins)` of a refined file.

    Args:
        data: The file.
        position: Where the fields begin.

    Raises:
        StreamError: The fields are damaged or cut short.
    """
    number, position = _read_number(data, position)
    painter = None
    if number & 1:
        if position >= len(data):
            raise StreamError("The file is cut short: fetch or make it again.")
        painter, position = data[position], position + 1
    payload_bytes, position = _read_number(data, position)
    if not 1 <= number >> 1 <= MAX_ATOMS:
        raise StreamError("The file is damaged, its first bytes contradict each other: make it again.")
    return number >> 1, painter, payload_bytes, position


def _write_number(number: int) -> bytes:
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes(groups) + bytes([number])


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    number = 0
    for group in range(_MAX_GROUPS):
        if position >= len(data):
            raise StreamError("The file is cut short: fetch or make it again.")
        number |= (data[position] & 127) << 7 * group
        position += 1
        if data[position - 1] < 128:
            if group and data[position - 1] == 0:
                break
            return number, position
    raise StreamError("The file is damaged, its first bytes contradict each other: make it again.")
