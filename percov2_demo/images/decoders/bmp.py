"""BMP, read here with numpy: Pillow (12.3) garbles RLE4, and refuses or misreads masks that programs do write.

Pixels that run-length coding leaves out are transparent, as in browsers. The layout is Microsoft's ("Bitmap Storage"
in the Windows documentation) and, for two older heads, that of OS/2.
"""

import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image

from percov2_demo.images.colour import MAX_PROFILE_BYTES, profile_of_gamma
from percov2_demo.images.decoders import jpeg, png
from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import Alpha, Raster, raster_of_image, raster_of_samples


_FILE_HEAD_BYTES = 14
_CORE, _OS2, _INFO, _V4, _V5 = 12, (16, 64), 40, 108, 124
_PLAIN, _RLE8, _RLE4, _MASKS, _JPEG, _PNG, _MASKS_WITH_ALPHA = range(7)
_PIXEL_BYTES = 5
"""Of the file's rows and of what they become."""

_CALIBRATED, _EMBEDDED = 0, 0x4D424544
"""Kinds of colour spaces; the others are sRGB, or mean the display's own."""

_DEFAULT_MASKS = {16: (0x7C00, 0x03E0, 0x001F, 0), 32: (0xFF0000, 0x00FF00, 0x0000FF, 0)}
_ROWS_AT_ONCE = 256


def decode(data: bytes) -> Raster:
    """Read a BMP file."""
    head = _Head.read(data)
    if head.compression in (_JPEG, _PNG) and not head.is_os2:
        return (jpeg if head.compression == _JPEG else png).decode(data[head.pixels :])
    check_size((head.width, head.height), _PIXEL_BYTES)
    profile = _profile(data, head)
    if head.compression in (_RLE8, _RLE4):
        indices, covered = _expand(data[head.pixels :], head)
        image = _with_palette(indices, data, head)
        image.putalpha(Image.fromarray(covered))
        return raster_of_image(image, profile)
    rows = _rows(data, head)
    if head.bits <= 8:
        return raster_of_image(_with_palette(_indices(rows, head), data, head), profile)
    if head.bits == 24:
        samples = rows[:, : 3 * head.width].reshape(head.height, head.width, 3)[..., ::-1]
    else:
        samples = _masked(rows, head)
    alpha: Alpha | None = "straight" if samples.shape[-1] == 4 else None
    return raster_of_samples(samples, "RGB", bounds=(0, 255), alpha=alpha, profile=profile)


@dataclass(frozen=True)
class _Head:
    """What a file says of its pixels.

    Attributes:
        length: Bytes of the head that follows the file's own.
        width: In pixels.
        height: In pixels.
        is_upwards: Whether the last row comes first.
        bits: Of a pixel.
        compression: One of the numbers above.
        masks: Of red, green, blue and opacity in a pixel.
        colours: Where the palette begins.
        pixels: Where the pixels begin.
    """

    length: int
    width: int
    height: int
    is_upwards: bool
    bits: int
    compression: int
    masks: tuple[int, int, int, int]
    colours: int
    pixels: int

    @property
    def is_os2(self) -> bool:
        return self.length == _CORE or (_OS2[0] <= self.length <= _OS2[1] and self.length not in (_INFO, 52, 56))

    @classmethod
    def read(cls, data: bytes) -> "_Head":
        pixels, length = struct.unpack_from("<II", data, 10)
        start = _FILE_HEAD_BYTES
        compression = 0
        if length == _CORE:
            width, height, _, bits = struct.unpack_from("<HHHH", data, start + 4)
        else:
            width, height, _, bits = struct.unpack_from("<iiHH", data, start + 4)
            if length >= 20:
                (compression,) = struct.unpack_from("<I", data, start + 16)
        colours = start + length
        masks = _DEFAULT_MASKS.get(bits, (0, 0, 0, 0))
        if compression in (_MASKS, _MASKS_WITH_ALPHA) and length >= _INFO:
            count = 4 if length >= 56 or compression == _MASKS_WITH_ALPHA else 3
            masks = (*struct.unpack_from(f"<{count}I", data, start + _INFO), 0)[:4]
            colours = max(colours, start + _INFO + 4 * count)
        head = cls(length, width, abs(height), height > 0, bits, compression, masks, colours, pixels)
        head._check()
        return head

    def _check(self) -> None:
        os2_only = self.is_os2 and self.compression > _RLE4
        if os2_only or self.compression > _MASKS_WITH_ALPHA or self.bits not in (0, 1, 2, 4, 8, 16, 24, 32):
            raise UnsupportedImage.of(f"BMP files of {self.bits} bits a pixel with compression {self.compression}")
        if self.width <= 0 or (self.bits == 0 and self.compression not in (_JPEG, _PNG)):
            raise DamagedImage
        if self.compression in (_MASKS, _MASKS_WITH_ALPHA) and self.bits not in (16, 32):
            raise DamagedImage
        if self.compression in (_RLE8, _RLE4) and self.bits != (8 if self.compression == _RLE8 else 4):
            raise DamagedImage


def _rows(data: bytes, head: _Head) -> np.ndarray:
    """Bytes of the rows from the top, (height, bytes)."""
    stride = (head.width * head.bits + 31) // 32 * 4
    used = (head.width * head.bits + 7) // 8
    found = data[head.pixels : head.pixels + stride * head.height]
    if len(found) < stride * (head.height - 1) + used:
        raise DamagedImage
    rows = np.frombuffer(found.ljust(stride * head.height, b"\0"), np.uint8).reshape(head.height, stride)
    return rows[::-1] if head.is_upwards else rows


def _indices(rows: np.ndarray, head: _Head) -> np.ndarray:
    if head.bits == 8:
        return rows[:, : head.width]
    shifts = np.arange(8 - head.bits, -1, -head.bits, dtype=np.uint8)
    parts = rows[..., None] >> shifts & (2**head.bits - 1)
    return parts.reshape(head.height, -1)[:, : head.width]


def _with_palette(indices: np.ndarray, data: bytes, head: _Head) -> Image.Image:
    """RGB or RGBA; colours that the palette lacks are black."""
    size = 3 if head.length == _CORE else 4
    most = 2**head.bits
    end = head.pixels if head.pixels > head.colours else len(data)
    entries = data[head.colours : min(end, head.colours + size * most)]
    entries = entries[: len(entries) // size * size]
    colours = np.frombuffer(entries, np.uint8).reshape(-1, size)[:, 2::-1]
    image = Image.frombytes("P", (head.width, head.height), np.ascontiguousarray(indices).tobytes())
    image.putpalette(colours.tobytes().ljust(3 * most, b"\0"))
    return image


def _masked(rows: np.ndarray, head: _Head) -> np.ndarray:
    """8-bit RGB or RGBA from pixels of 16 or 32 bits."""
    masks = head.masks if head.masks[3] else head.masks[:3]
    pixels = np.ascontiguousarray(rows[:, : head.width * head.bits // 8]).view(f"<u{head.bits // 8}")
    samples = np.empty((*pixels.shape, len(masks)), np.uint8)
    for channel, mask in enumerate(masks):
        shift = (mask & -mask).bit_length() - 1 if mask else 0
        top = mask >> shift or 1
        for start in range(0, head.height, _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            values = ((pixels[some] & pixels.dtype.type(mask)) >> pixels.dtype.type(shift)).astype(np.float64)
            samples[some, :, channel] = np.rint(values * (255 / top))
    return samples


def _expand(data: bytes, head: _Head) -> tuple[np.ndarray, np.ndarray]:
    """Indices and opacity, (height, width) each, of a picture in run-length coding."""
    width, height, nibbles = head.width, head.height, head.compression == _RLE4
    indices, covered = bytearray(width * height), bytearray(width * height)
    x = y = place = 0

    def put(values: bytes) -> None:
        nonlocal x
        values = values[: max(width - x, 0)]
        start = y * width + x
        indices[start : start + len(values)] = values
        covered[start : start + len(values)] = b"\xff" * len(values)
        x += len(values)

    while y < height:
        pair = data[place : place + 2]
        if len(pair) < 2:
            raise DamagedImage
        count, value = pair
        place += 2
        if count:
            put((bytes([value >> 4, value & 15]) * (count // 2 + 1))[:count] if nibbles else pair[1:] * count)
        elif value == 0:
            x, y = 0, y + 1
        elif value == 1:
            break
        elif value == 2:
            step = data[place : place + 2]
            if len(step) < 2:
                raise DamagedImage
            x, y, place = x + step[0], y + step[1], place + 2
        else:
            length = (value + 1) // 2 if nibbles else value
            part = data[place : place + length]
            if len(part) < length:
                raise DamagedImage
            put(bytes(half for byte in part for half in (byte >> 4, byte & 15))[:value] if nibbles else part)
            place += length + length % 2
    order = slice(None, None, -1 if head.is_upwards else 1)
    maps = [np.frombuffer(part, np.uint8).reshape(height, width)[order] for part in (indices, covered)]
    return maps[0], maps[1]


def _profile(data: bytes, head: _Head) -> bytes | None:
    if head.length < _V4:
        return None
    start = _FILE_HEAD_BYTES
    (kind,) = struct.unpack_from("<I", data, start + 56)
    if kind == _EMBEDDED and head.length >= _V5:
        place, length = struct.unpack_from("<II", data, start + 112)
        return data[start + place : start + place + min(length, MAX_PROFILE_BYTES)] or None
    if kind != _CALIBRATED:
        return None
    xyz = np.array(struct.unpack_from("<9I", data, start + 60), np.float64).reshape(3, 3) / 2**30
    exponents = [value / 2**16 for value in struct.unpack_from("<3I", data, start + 96)]
    with_white = np.vstack([xyz, xyz.sum(0)])
    sums = with_white.sum(1, keepdims=True)
    chromaticities = None if (sums <= 0).any() else tuple((with_white / sums)[:, :2].ravel().tolist())
    return profile_of_gamma(sum(exponents) / 3 or None, chromaticities)
