"""Boxes of the ISO base media file format (ISO/IEC 14496-12), which AVIF, HEIC, JPEG 2000 and JPEG XL are made of."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from percov2_demo.images.errors import DamagedImage


_MAX_BOXES = 10_000
"""Of one level: files may name boxes of no bytes for ever."""


@dataclass(frozen=True)
class Box:
    """A box.

    Attributes:
        kind: Its type.
        content: What is in it.
    """

    kind: bytes
    content: bytes


def boxes(data: bytes) -> Iterator[Box]:
    """Read the boxes of one level; one that is cut short is the last.

    Raises:
        DamagedImage: A box is shorter than its own head, or there are too many.
    """
    place = 0
    for _ in range(_MAX_BOXES):
        if len(data) - place < 8:
            return
        length, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if length == 1 and len(data) - place >= 16:
            (length,), head = struct.unpack_from(">Q", data, place + 8), 16
        elif length == 0:
            length = len(data) - place
        if length < head:
            raise DamagedImage
        yield Box(kind, data[place + head : place + length])
        place += length
    raise DamagedImage


def find(data: bytes, *path: bytes) -> bytes | None:
    """Find the content of the first box of a path of types, or None."""
    for kind in path:
        content = next((box.content for box in boxes(data) if box.kind == kind), None)
        if content is None:
            return None
        data = content
    return data
