"""The image front door: any picture file to 8-bit sRGB, and any picture to sides that the codec takes."""

import io
import math
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin, UnidentifiedImageError

from percov2_demo.errors import ImageError, InputError
from percov2_demo.presets import NOMINAL_SIDE, SIDE_MULTIPLE


FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO", "TGA")
"""Pillow's names of the formats that are read; MPO counts as JPEG. None of them starts another program."""

MIN_SIDE = 16
"""Shortest side of a picture in pixels."""

MAX_SIDE = 8000
"""Longest side of a picture in pixels."""

MAX_FILE_BYTES = 64 * 2**20
"""Largest picture file in bytes."""

MAX_DECODING_SECONDS = 10
"""Longest time of a processor that a picture file is read for."""

FITS = ("native", "crop", "squash")
"""How a picture is brought to sides that are multiples of 64, see `fit_image`."""

MAX_FITTED_SIDE = 1280
"""Longest side in pixels that `fit_image` gives by default."""

_AREA_WEIGHT = 0.25
"""Cost of a change of area relative to the same change, in logarithms, of the aspect ratio."""

_ORIENTATION_TAG = 0x0112
_TRANSPOSITIONS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation."""

_NOT_A_PICTURE = (
    "This is not a picture that can be read here: choose a JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF or JPEG 2000 file."
)
_DAMAGED = "The picture is damaged or incomplete: save or download it again."
_TOO_LARGE = f"The picture is too large: make its sides at most {MAX_SIDE} pixels."
_TOO_LABORIOUS = "The picture takes too long to read: save it again, as a plain JPEG or PNG file."

_MAX_READINGS = 4
"""How often each byte of a file may be read on average."""

_FREE_BYTES = 2**20
"""What of a file may be read besides: formats are tried one after the other."""

_READ_AT_ONCE = 8192
"""Bytes that are decoded at a time."""

_ROWS_AT_ONCE = 256
"""Rows of grey that are scaled together: scaling takes eight bytes a pixel."""

_DECODING = threading.Lock()
"""Held while Pillow works: what `_pillow_at_work` changes, it changes for the whole process."""


class _BoundedFile(io.BytesIO):
    """A file that is not read for ever.

    Pillow (12.3) copies a comment as often as it has parts, decodes a JPEG file as often as it has scans, and copies
    the bytes that a tag of EXIF or TIFF points to for each tag, even if they are the same: 17 KB could take 1.5 GB.
    """

    def __init__(self, data: bytes):
        super().__init__(data)
        self._bytes_left = _MAX_READINGS * len(data) + _FREE_BYTES
        self._end = time.thread_time() + MAX_DECODING_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._bytes_left -= len(data)
        if self._bytes_left < 0 or time.thread_time() > self._end:
            raise ImageError(_TOO_LABORIOUS)
        return data


class _BoundedDirectory(TiffImagePlugin.ImageFileDirectory_v2):
    """Tags of EXIF or TIFF, of which no more is read than of a `_BoundedFile`."""

    def load(self, fp: IO[bytes]) -> None:
        if not isinstance(fp, _BoundedFile):
            start = fp.tell()
            fp.seek(0)
            fp = _BoundedFile(fp.read())
            fp.seek(start)
        super().load(fp)


def load_image(source: str | Path | bytes | BinaryIO) -> Image.Image:
    """Reads a picture file; of an animation, the first frame.

    Args:
        source: Path, the file's bytes, or a file open for reading in binary mode.

    Returns:
        The picture as `normalize` gives it.

    Raises:
        ImageError: The file is missing, too large or no picture, or the picture is damaged, too small or too large.
    """
    data = _read(source)
    with _pillow_at_work():
        image = Image.open(_BoundedFile(data), formats=FORMATS)
        # The time is looked at between readings, and a JPEG file may have hundreds of scans in each.
        image.decodermaxblock = _READ_AT_ONCE
    return normalize(image)


def normalize(image: Image.Image) -> Image.Image:
    """An upright, opaque picture in 8-bit sRGB, without metadata.

    The EXIF orientation is applied, an embedded colour profile is converted where it is usable, transparency is laid
    on white. Grey in 16 bits is scaled to 8; grey in 32 bits or floating point is scaled from the smallest of the
    ranges 0 to 1 (floating point only), 0 to 255 and 0 to 65535 that holds it, else from its own range.

    Args:
        image: A picture in any of Pillow's modes with sides from 16 to 8000 pixels, loaded or not. Its size is
            checked before its pixels are decoded.

    Raises:
        ImageError: The picture is damaged, too small or too large.
    """
    with _pillow_at_work():
        _check_size(image)
        image.load()
        colour, alpha = _split_alpha(_upright(image))
        opaque = Image.new("RGB", colour.size, "white")
        opaque.paste(_to_srgb(colour, image.info.get("icc_profile")), mask=alpha)
    return opaque


def fit_image(image: Image.Image, fit: str = "native", max_side: int = MAX_FITTED_SIDE) -> Image.Image:
    """Brings a picture to sides that are multiples of 64.

    Args:
        image: An RGB picture, see `normalize`.
        fit: "native" scales uniformly to cover the sides that `native_size` chooses and trims what overhangs equally
            on both sides; "crop" does so with 512x512; "squash" stretches to 512x512 with bicubic interpolation, as
            PerCo (SD) and, as far as is known, PerCoV2 evaluate.
        max_side: Longest side in pixels of a "native" result, at least 64.

    Raises:
        InputError: Unknown fit, or a `max_side` below 64.
    """
    square = (NOMINAL_SIDE, NOMINAL_SIDE)
    if fit == "native":
        return ImageOps.fit(image, native_size(*image.size, max_side), Image.Resampling.LANCZOS)
    if fit == "crop":
        return ImageOps.fit(image, square, Image.Resampling.LANCZOS)
    if fit == "squash":
        return image.resize(square, Image.Resampling.BICUBIC)
    raise InputError(f"unknown fit {fit!r}: choose one of {', '.join(FITS)}")


def native_size(width: int, height: int, max_side: int = MAX_FITTED_SIDE) -> tuple[int, int]:
    """Width and height in pixels, multiples of 64, at which a picture of the given sides is coded.

    They minimise `|log(aspect ratio / the picture's)| + 0.25 |log(area / 512²)|`: the first term grows with the share
    of the picture that trimming takes, the second keeps the model near the area it is trained for. Up to a ratio of
    5 at most 8 % is trimmed and the area is within a quarter of 512², given a `max_side` of 1280; ratios beyond
    `max_side` to 64 are met as nearly as these sides allow.

    Raises:
        InputError: `max_side` is below 64.
    """
    if max_side < SIDE_MULTIPLE:
        raise InputError(f"max_side must be at least {SIDE_MULTIPLE} pixels, not {max_side}")

    def cost(size: tuple[int, int]) -> float:
        ratio_error = math.log(size[0] * height / (size[1] * width))
        area_error = math.log(size[0] * size[1] / NOMINAL_SIDE**2)
        return abs(ratio_error) + _AREA_WEIGHT * abs(area_error)

    return min(product(range(SIDE_MULTIPLE, max_side + 1, SIDE_MULTIPLE), repeat=2), key=cost)


@contextmanager
def _pillow_at_work() -> Iterator[None]:
    """Makes one `ImageError` of whatever Pillow raises on bad input, mutes its warnings, and bounds what it reads."""
    with _DECODING, warnings.catch_warnings(), _bounded_directories():
        warnings.simplefilter("ignore")
        # An icon holds a whole PNG file, whose size Pillow (12.3) only warns of, and decodes it.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except ImageError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ImageError(_TOO_LARGE) from error
        except UnidentifiedImageError as error:
            raise ImageError(_NOT_A_PICTURE) from error
        except Exception as error:  # The decoders raise OSError, SyntaxError, struct.error, MemoryError and others.
            raise ImageError(_DAMAGED) from error


@contextmanager
def _bounded_directories() -> Iterator[None]:
    """Lets Pillow, which opens EXIF by itself, read it as a `_BoundedDirectory`."""
    unbounded = TiffImagePlugin.ImageFileDirectory_v2
    TiffImagePlugin.ImageFileDirectory_v2 = _BoundedDirectory
    try:
        yield
    finally:
        TiffImagePlugin.ImageFileDirectory_v2 = unbounded


def _read(source: str | Path | bytes | BinaryIO) -> bytes:
    try:
        if isinstance(source, str | Path):
            with open(source, "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        else:
            data = source if isinstance(source, bytes) else source.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # A path with a null character or a closed file is a ValueError.
        raise ImageError("The picture file cannot be opened: check that it exists and may be read.") from error
    if not data:
        raise ImageError("The picture file is empty: choose another one.")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"The picture file is too large: choose one of at most {MAX_FILE_BYTES // 2**20} MB.")
    return data


def _check_size(image: Image.Image) -> None:
    if max(image.size) > MAX_SIDE:
        raise ImageError(_TOO_LARGE)
    if min(image.size) < MIN_SIDE:
        raise ImageError(f"The picture is too small: choose one with sides of at least {MIN_SIDE} pixels.")


def _upright(image: Image.Image) -> Image.Image:
    try:
        transposition = _TRANSPOSITIONS.get(image.getexif().get(_ORIENTATION_TAG))
    except Exception:  # A broken EXIF block raises as freely as a broken picture, but the pixels are fine.
        return image
    return image if transposition is None else image.transpose(transposition)


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour in a mode without transparency, and the opacity in mode L where there is any."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    elif image.mode in ("P", "PA") or (image.mode in ("1", "L", "RGB") and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode.removesuffix("A")), image.getchannel("A")
    if image.mode[0] in "IF":
        return _grey_to_8_bits(image), None
    return image, None


def _grey_to_8_bits(image: Image.Image) -> Image.Image:
    """Mode L from 16-bit, 32-bit or floating-point grey, see `normalize` for the ranges."""
    samples = np.asarray(image)
    if image.mode == "F":
        samples = np.nan_to_num(samples, nan=0, posinf=0, neginf=0)
    black, white = 0.0, 65535.0
    if not image.mode.startswith("I;16"):
        lowest, highest = float(samples.min()), float(samples.max())
        ranges = (1, 255, 65535) if image.mode == "F" else (255, 65535)
        black, white = next(((0, top) for top in ranges if 0 <= lowest <= highest <= top), (lowest, highest))
    grey = np.empty(samples.shape, np.uint8)
    for start in range(0, len(samples), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        grey[rows] = np.rint((samples[rows] - np.float64(black)) * (255 / (white - black or 1)))
    return Image.fromarray(grey)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB from a mode without transparency."""
    if profile:
        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, embedded, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # A broken profile, or one for other channels: the plain conversion is the best guess left.
    return image.convert("RGB")
