"""The messages between `pool` and the processes of `worker`, which alone import the decoders.

A request is the length of a file and the file. An answer is a kind, two numbers and what they announce: a picture's
width and height and its rows, or the length of a text and the text. Nothing is pickled: a file that took over the
decoder could send anything.
"""

import struct

from percov2_demo.errors import ImageError
from percov2_demo.images.errors import DamagedImage, ImageTooLarge, UnsupportedImage
from percov2_demo.images.limits import MAX_WORKER_BYTES


REQUEST = struct.Struct("<Q")
ANSWER = struct.Struct("<cQQ")

READY, PICTURE, FAILED = b"R", b"P", b"F"
REFUSALS: dict[bytes, type[ImageError]] = {
    b"D": DamagedImage,
    b"U": UnsupportedImage,
    b"L": ImageTooLarge,
    b"E": ImageError,
}
"""Kinds of answers that are an error's sentence, the most special first."""

OUT_OF_MEMORY = f"reading it takes more than {MAX_WORKER_BYTES // 2**20} MB of memory"

STRIP_BYTES = 2**20
"""Of a picture, sent at a time."""


def strip_rows(width: int) -> int:
    """Count the rows of a strip of a picture as it is sent."""
    return max(STRIP_BYTES // (3 * width), 1)
