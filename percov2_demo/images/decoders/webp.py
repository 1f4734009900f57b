"""WebP, by imagecodecs (libwebp); Pillow's decoder is one of animations and holds each pixel four times."""

import struct

import numpy as np

from percov2_demo.images.colour import MAX_PROFILE_BYTES
from percov2_demo.images.decoders.pillow import open_image
from percov2_demo.images.errors import DamagedImage
from percov2_demo.images.geometry import exif_orientation
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import Alpha, Raster, raster_of_image, raster_of_samples


_ANIMATED = 0x02
_BYTES_OF_STILL = 8
"""A pixel of the decoder and one of the result."""

_BYTES_OF_ANIMATION = 12
"""Two canvases, and the first frame's bytes, besides Pillow's picture."""


def decode(data: bytes) -> Raster:
    """Read a WebP file; of an animation, the first frame."""
    chunks = _chunks(data)
    profile = chunks.get(b"ICCP", b"")[:MAX_PROFILE_BYTES] or None
    orientation = exif_orientation(chunks.get(b"EXIF", b""))
    if chunks.get(b"VP8X", b"\0")[0] & _ANIMATED:
        image = open_image(data, "WEBP", _BYTES_OF_ANIMATION)
        image.load()
        return raster_of_image(image, profile, orientation)
    check_size(_size(chunks), _BYTES_OF_STILL)
    samples = _decode(data)
    alpha: Alpha | None = "straight" if samples.shape[-1] == 4 else None
    return raster_of_samples(samples, "RGB", bounds=(0, 255), alpha=alpha, profile=profile, orientation=orientation)


def _decode(data: bytes) -> np.ndarray:
    import imagecodecs

    return imagecodecs.webp_decode(data)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Content of the first chunk of each type."""
    chunks: dict[bytes, bytes] = {}
    place = 12
    while len(data) - place >= 8:
        kind, length = struct.unpack_from("<4sI", data, place)
        chunks.setdefault(kind, data[place + 8 : place + 8 + length])
        place += 8 + length + length % 2
    return chunks


def _size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Width and height that the file says of itself."""
    try:
        if b"VP8X" in chunks:
            sides = chunks[b"VP8X"][4:10]
            return int.from_bytes(sides[:3], "little") + 1, int.from_bytes(sides[3:], "little") + 1
        if b"VP8L" in chunks:
            (bits,) = struct.unpack_from("<I", chunks[b"VP8L"], 1)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        width, height = struct.unpack_from("<HH", chunks[b"VP8 "], 6)
    except (struct.error, KeyError) as error:
        raise DamagedImage from error
    return width & 0x3FFF, height & 0x3FFF
