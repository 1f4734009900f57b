"""Formats, and kinds of them, that Pillow decodes as they should be."""

import io

from PIL import Image

from percov2_demo.images.limits import check_size


FULL_COLOUR_BYTES = 4
"""What Pillow takes for a pixel of colour, three channels or four."""

_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 4, "PA": 4, "I;16": 2, "I;16B": 2}


def open_image(data: bytes, format: str, extra_bytes: float = 0) -> Image.Image:
    """Open a file of a format that is known, and check its sides; its pixels are not decoded yet.

    Args:
        data: The file.
        format: Pillow's name of the format.
        extra_bytes: What its decoder takes for each pixel besides the picture.

    Raises:
        ImageError: The picture is too small or too large.
    """
    image = Image.open(io.BytesIO(data), formats=(format,))
    check_size(image.size, _PIXEL_BYTES.get(image.mode, FULL_COLOUR_BYTES) + extra_bytes)
    return image
