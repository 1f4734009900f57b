"""JPEG XL, by pillow-jxl-plugin (libjxl) where it is installed.

It gives the profile of what it decodes, which imagecodecs (2026.3) does not. It is under the GPL, hence an extra.
"""

import io
from importlib.util import find_spec

from PIL import Image

from percov2_demo.images.boxes import boxes
from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import Raster, raster_of_image


CODESTREAM = b"\xff\x0a"

_PIXEL_BYTES = 24
"""libjxl works in floating point, and holds a frame about twice."""

_RATIOS = (None, (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDE_BITS = (9, 13, 18, 30)


def decode(data: bytes) -> Raster:
    """Read a JPEG XL file, where `pillow_jxl` is installed; of an animation, the first frame."""
    if find_spec("pillow_jxl") is None:
        raise UnsupportedImage.of(
            "JPEG XL pictures",
            "save the picture as a PNG file, or install the package pillow-jxl-plugin beside this program",
        )
    check_size(_size(_codestream(data)), _PIXEL_BYTES)
    import pillow_jxl  # noqa: F401  It tells Pillow of itself.

    image = Image.open(io.BytesIO(data), formats=("JXL",))
    image.load()
    profile = image.info.get("icc_profile")
    if profile and profile[16:20] not in (b"RGB ", b"GRAY"):
        raise UnsupportedImage.of("JPEG XL pictures in inks")
    return raster_of_image(image, profile)


def _codestream(data: bytes) -> bytes:
    if data.startswith(CODESTREAM):
        return data
    for box in boxes(data):
        if box.kind == b"jxlc":
            return box.content
        if box.kind == b"jxlp":
            return box.content[4:]
    raise DamagedImage


def _size(codestream: bytes) -> tuple[int, int]:
    """Width and height from the head (ISO/IEC 18181-1, SizeHeader)."""
    bits = int.from_bytes(codestream[2:18], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & (1 << count) - 1, bits >> count
        return value

    def side(is_small: int) -> int:
        return 8 * (1 + take(5)) if is_small else 1 + take(_SIDE_BITS[take(2)])

    is_small = take(1)
    height = side(is_small)
    ratio = _RATIOS[take(3)]
    return (height * ratio[0] // ratio[1] if ratio else side(is_small)), height
