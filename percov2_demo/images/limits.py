"""What a picture may be, and what reading it may take."""

from percov2_demo.errors import ImageError
from percov2_demo.images.errors import ImageTooLarge


MIN_SIDE = 16
"""Shortest side of a picture in pixels."""

MAX_PIXELS = 2**23
"""Pixels of a picture after it was read: a larger one is reduced by a whole factor while it is read."""

MAX_FILE_BYTES = 64 * 2**20
"""Largest picture file in bytes."""

MAX_DECODED_BYTES = 368 * 2**20
"""What a decoder may hold of a picture at its full size. It bounds the pixels of each format by what one takes."""

MAX_WORKER_BYTES = 440 * 2**20
"""How far the memory of a worker may grow for one picture. With its file and its result here, which are 64 MB each at
most, a picture takes no more than 600 MB."""

MAX_DECODING_SECONDS = 10
"""Longest time of a processor that a picture file is read for."""

MAX_WAITING_SECONDS = 60
"""Longest time that a picture file is read for, however busy the machine is."""

WORKERS = 4
"""How many pictures are read at a time; the next ones wait. Each holds up to `MAX_WORKER_BYTES` meanwhile."""


def check_size(size: tuple[int, int], pixel_bytes: float) -> None:
    """Refuse a picture by its sides before anything of it is decoded.

    Args:
        size: Width and height in pixels.
        pixel_bytes: Bytes that decoding takes for each pixel.

    Raises:
        ImageError: A side is below `MIN_SIDE`.
        ImageTooLarge: Decoding would take more than `MAX_DECODED_BYTES`.
    """
    if min(size) < MIN_SIDE:
        raise ImageError(f"The picture is too small: choose one with sides of at least {MIN_SIDE} pixels.")
    pixels, most = size[0] * size[1], MAX_DECODED_BYTES / pixel_bytes
    if pixels > most:
        raise ImageTooLarge.because(
            f"it has {_megapixels(pixels)}, and a file of this kind may have {_megapixels(most)} at most"
        )


def _megapixels(pixels: float) -> str:
    return f"{max(pixels / 1e6, 0.1):.3g} megapixels" if pixels < 1e9 else f"{pixels / 1e6:,.0f} megapixels"
