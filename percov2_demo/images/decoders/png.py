"""PNG (third edition, W3C 2025).

Chunks are read here and Pillow (12.3) gets the pixels alone: it limits the size of profiles and texts that decoding
does not need, compares a transparent colour with samples of another depth, and does not see cICP, gAMA and cHRM. It
rounds 16 bits of colour down to 8, so those are decoded by imagecodecs (libpng).
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from percov2_demo.images.colour import MAX_PROFILE_BYTES, Cicp, profile_of_gamma
from percov2_demo.images.decoders.pillow import open_image
from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.geometry import exif_orientation
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import Raster, raster_of_image, raster_of_samples


SIGNATURE = b"\x89PNG\r\n\x1a\n"

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")


def decode(data: bytes) -> Raster:
    """Read a PNG file; of an animation, the picture for programs that show none."""
    pixels, told = _split(data)
    width, height, depth, kind = struct.unpack_from(">IIBB", pixels, 16)
    if kind not in _CHANNELS:
        raise DamagedImage
    grey = kind in (_GREY, _GREY_ALPHA)
    profile, cicp = _colours(told, grey)
    orientation = exif_orientation(told.get(b"eXIf", b""))
    key = None
    if kind in (_GREY, _RGB) and len(told.get(b"tRNS", b"")) == 2 * _CHANNELS[kind]:
        key = struct.unpack(f">{_CHANNELS[kind]}H", told[b"tRNS"])
    if depth < 16:
        image = open_image(pixels, "PNG")
        image.load()
        if key is not None:
            scaled = tuple(255 * value // (2**depth - 1) for value in key)
            image.info["transparency"] = scaled[0] if grey else scaled
        return raster_of_image(image, profile, orientation, cicp)
    check_size((width, height), 2 * _CHANNELS[kind])
    return raster_of_samples(
        _decode_16_bits(pixels),
        "L" if grey else "RGB",
        bounds=(0, 65535),
        alpha="straight" if kind in (_GREY_ALPHA, _RGB_ALPHA) else None,
        key=key,
        profile=profile,
        cicp=cicp,
        orientation=orientation,
    )


def _split(data: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """A file of nothing but the pixels, and the content of the first chunk of each other type."""
    pixels: list[bytes] = [SIGNATURE]
    told: dict[bytes, bytes] = {}
    for kind, content, chunk in _chunks(data):
        if kind in _PIXELS:
            if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
                raise DamagedImage
            pixels.append(chunk)
        elif not kind.isalpha():
            raise DamagedImage
        elif kind[0] & 0x20 == 0:
            raise UnsupportedImage.of("PNG files with critical extensions")
        else:
            told.setdefault(kind, content)
            if kind == b"tRNS" and any(part[4:8] == b"PLTE" for part in pixels[1:]):
                pixels.append(chunk)
    if len(pixels) < 2 or pixels[1][4:8] != b"IHDR" or len(pixels[1]) != 25:
        raise DamagedImage
    return b"".join(pixels), told


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Type, content and all bytes of each chunk up to the last."""
    place = len(SIGNATURE)
    while len(data) - place >= 12:
        length, kind = struct.unpack_from(">I4s", data, place)
        chunk = data[place : place + 12 + length]
        yield kind, chunk[8 : 8 + length], chunk
        if kind == b"IEND":
            return
        place += 12 + length


def _colours(told: dict[bytes, bytes], grey: bool) -> tuple[bytes | None, Cicp | None]:
    """ICC profile or code points, in the order in which they count (section 4.3, table 1)."""
    if len(told.get(b"cICP", b"")) == 4:
        primaries, transfer, _, full_range = told[b"cICP"]
        if not full_range:
            raise UnsupportedImage.of("PNG files with samples of narrow range")
        peak = None
        if len(told.get(b"cLLI", b"")) == 8:
            peak = struct.unpack_from(">I", told[b"cLLI"])[0] / 10_000 or None
        return None, Cicp(primaries, transfer, peak)
    if b"iCCP" in told:
        profile = _profile(told[b"iCCP"])
        if profile:
            return profile, None
    if b"sRGB" in told:
        return None, None
    exponent = chromaticities = None
    if len(told.get(b"gAMA", b"")) == 4:
        (gamma,) = struct.unpack(">I", told[b"gAMA"])
        exponent = 100_000 / gamma if gamma else None
    if len(told.get(b"cHRM", b"")) == 32:
        white_x, white_y, *others = (value / 100_000 for value in struct.unpack(">8I", told[b"cHRM"]))
        chromaticities = (*others, white_x, white_y)
    return profile_of_gamma(exponent, chromaticities, grey), None


def _profile(chunk: bytes) -> bytes | None:
    _, _, compressed = chunk.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(compressed[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return None


def _decode_16_bits(pixels: bytes) -> np.ndarray:
    import imagecodecs

    return imagecodecs.png_decode(pixels)
