"""A decoded picture on its way to 8-bit sRGB: a strip of rows at a time, so that no full-size copy is made."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from percov2_demo.images.colour import Cicp, cicp_of_profile, deep_to_srgb, to_srgb
from percov2_demo.images.geometry import upright
from percov2_demo.images.hdr import tone_map
from percov2_demo.images.limits import MAX_PIXELS


Model = Literal["L", "RGB", "CMYK", "LAB"]
Alpha = Literal["straight", "premultiplied"]

_STRIP_PIXELS = 2**20
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Raster:
    """A picture as its file stores it.

    Attributes:
        size: Width and height in pixels.
        strip: Makes the rows from the first number up to the second, reduced by the third: RGB, transparency laid on
            white.
        orientation: How the picture lies, 1 to 8 as in EXIF.
        plain: The picture where its pixels are RGB in sRGB without transparency already.
    """

    size: tuple[int, int]
    strip: Callable[[int, int, int], Image.Image]
    orientation: int = 1
    plain: Image.Image | None = None

    def render(self) -> Image.Image:
        """Make the upright picture in 8-bit sRGB, of at most `MAX_PIXELS` pixels; `plain` itself where it is that."""
        width, height = self.size
        factor = math.ceil(math.sqrt(width * height / MAX_PIXELS))
        if factor == 1 and self.plain is not None:
            return upright(self.plain, self.orientation)
        rows = max(_STRIP_PIXELS // (width * factor), 1) * factor
        canvas = Image.new("RGB", (-(-width // factor), -(-height // factor)))
        for top in range(0, height, rows):
            canvas.paste(self.strip(top, min(top + rows, height), factor), (0, top // factor))
        return upright(canvas, self.orientation)


def raster_of_image(
    image: Image.Image, profile: bytes | None = None, orientation: int = 1, cicp: Cicp | None = None
) -> Raster:
    """Take a loaded picture in any of Pillow's modes.

    Grey in 32 bits or floating point is scaled as `grey_range` says.
    """
    if image.mode[0] in "IF":
        samples = np.asarray(image)
        bounds = (0.0, 65535.0) if image.mode.startswith("I;16") else grey_range(samples)
        return raster_of_samples(samples, "L", bounds=bounds, profile=profile, orientation=orientation)
    if _hdr(profile, cicp):
        has_alpha = "A" in image.mode or "a" in image.mode or "transparency" in image.info
        samples = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
        alpha: Alpha | None = "straight" if has_alpha else None
        return raster_of_samples(
            samples, "RGB", bounds=(0, 255), alpha=alpha, profile=profile, cicp=cicp, orientation=orientation
        )
    if cicp is not None and profile is None:
        profile = cicp.profile(grey=image.mode in ("1", "L", "LA"))
    convert = to_srgb(profile)

    def strip(top: int, bottom: int, factor: int) -> Image.Image:
        return _finish(*_split_alpha(image.crop((0, top, image.width, bottom))), convert, factor)

    is_plain = image.mode == "RGB" and not profile and "transparency" not in image.info
    return Raster(image.size, strip, orientation, image if is_plain else None)


def raster_of_samples(
    samples: np.ndarray,
    model: Model,
    *,
    bounds: tuple[float, float],
    alpha: Alpha | None = None,
    key: tuple[int, ...] | None = None,
    profile: bytes | None = None,
    cicp: Cicp | None = None,
    orientation: int = 1,
) -> Raster:
    """Take samples of any depth.

    Args:
        samples: Integers or floating point, (height, width) or (height, width, channels). The channels of `model` come
            first, then the opacity where there is one; what follows is left out.
        model: Pillow's name of the mode that the samples are in 8 bits.
        bounds: Values of black and white (of none and all of an ink).
        alpha: Whether there is an opacity, and whether the colours are multiplied with it.
        key: The colour that is transparent.
        profile: ICC profile.
        cicp: What the samples mean where there is no profile; RGB or grey.
        orientation: 1 to 8 as in EXIF.
    """
    samples = samples[..., None] if samples.ndim == 2 else samples
    channels = len(Image.new(model, (1, 1)).getbands())
    hdr = _hdr(profile, cicp) if model in ("L", "RGB") else None
    if cicp is not None and profile is None and hdr is None:
        profile = cicp.profile(grey=model == "L")
    convert = to_srgb(profile)
    convert_deep = deep_to_srgb(profile, model) if profile else None
    black, white = bounds
    table = None if hdr else _table(samples.dtype, bounds, is_deep=profile is not None)

    def strip(top: int, bottom: int, factor: int) -> Image.Image:
        rows = samples[top:bottom]
        colour = rows[..., :channels]
        opacity = None
        if alpha:
            opacity = _unit(rows[..., channels], black, white)
            if alpha == "premultiplied":
                colour = black + (colour - np.float32(black)) / np.maximum(opacity, 1e-6)[..., None]
        elif key is not None:
            opacity = (colour != np.array(key)).any(-1).astype(np.float32)
        if table is not None and alpha != "premultiplied":
            return _finish(_image(table[colour], model), _mask(opacity), convert, factor)
        if hdr:
            signal = np.broadcast_to(_unit(colour, black, white), (*colour.shape[:2], 3))
            rgb = Image.fromarray(tone_map(signal, hdr))
        else:
            rgb = _to_rgb(_unit(colour, black, white), model, convert, convert_deep)
        return _finish(rgb, _mask(opacity), lambda image: image, factor)

    height, width = samples.shape[:2]
    return Raster((width, height), strip, orientation)


def grey_range(samples: np.ndarray) -> tuple[float, float]:
    """Choose the values of black and white for samples whose file does not say them.

    The smallest of the ranges 0 to 1 (floating point only), 0 to 255 and 0 to 65535 that holds all, else their own
    range. What is not a number, or not finite, is left out.
    """
    tops = (1, 255, 65535) if samples.dtype.kind == "f" else (255, 65535)
    lowest, highest = math.inf, -math.inf
    for start in range(0, len(samples), 256):
        rows = samples[start : start + 256]
        rows = rows[np.isfinite(rows)] if rows.dtype.kind == "f" else rows
        if rows.size:
            lowest, highest = min(lowest, float(rows.min())), max(highest, float(rows.max()))
    if lowest > highest:
        return 0.0, 1.0
    return next(((0.0, float(top)) for top in tops if 0 <= lowest <= highest <= top), (lowest, highest))


def _table(dtype: np.dtype, bounds: tuple[float, float], is_deep: bool) -> np.ndarray | None:
    """8 bits for each value of a sample, where there are few, or as many as 16 bits and no profile to convert."""
    if dtype != np.uint8 and (dtype != np.uint16 or is_deep):
        return None
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    return np.rint(255 * _unit(values, *bounds)).astype(np.uint8)


def _unit(samples: np.ndarray, black: float, white: float) -> np.ndarray:
    """Samples from 0 to 1."""
    if samples.dtype.kind == "f":
        samples = np.nan_to_num(samples, nan=black, posinf=black, neginf=black)
    exact = np.dtype(np.float64 if samples.dtype.itemsize > 2 else np.float32)
    scaled = (samples.astype(exact) - exact.type(black)) / exact.type(white - black or 1)
    return np.clip(scaled, 0, 1).astype(np.float32)


def _hdr(profile: bytes | None, cicp: Cicp | None) -> Cicp | None:
    """What samples of HDR mean, by a profile or, where there is none, by code points."""
    told = cicp_of_profile(profile) if profile else cicp
    return told if told is not None and told.is_hdr else None


def _to_rgb(
    values: np.ndarray,
    model: Model,
    convert: Callable[[Image.Image], Image.Image],
    convert_deep: Callable[[np.ndarray], np.ndarray | None] | None,
) -> Image.Image:
    """RGB from samples from 0 to 1."""
    deep = convert_deep(np.rint(65535 * values).astype(np.uint16)) if convert_deep else None
    if deep is not None:
        return Image.fromarray(deep)
    return convert(_image(np.rint(255 * values).astype(np.uint8), model))


def _image(samples: np.ndarray, model: Model) -> Image.Image:
    height, width = samples.shape[:2]
    # Pillow's raw LAB has signed a and b, where arrays and files of ICC have them from 0, with 128 as grey.
    raw = samples ^ np.array([0, 128, 128], np.uint8) if model == "LAB" else samples
    return Image.frombytes(model, (width, height), np.ascontiguousarray(raw).tobytes())


def _mask(opacity: np.ndarray | None) -> Image.Image | None:
    return None if opacity is None else Image.fromarray(np.rint(255 * opacity).astype(np.uint8))


def _finish(
    colour: Image.Image, opacity: Image.Image | None, convert: Callable[[Image.Image], Image.Image], factor: int
) -> Image.Image:
    """RGB on white, reduced. Colours without opacity are reduced before they are converted, which is less work."""
    if opacity is None:
        can_be_reduced = factor > 1 and colour.mode != "1"
        converted = convert(colour.reduce(factor) if can_be_reduced else colour)
        return converted if can_be_reduced or factor == 1 else converted.reduce(factor)
    opaque = Image.new("RGB", colour.size, _WHITE)
    opaque.paste(convert(colour), mask=opacity)
    return opaque.reduce(factor) if factor > 1 else opaque


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colour in a mode without transparency, and the opacity in mode L where there is any."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    elif image.mode in ("P", "PA") or (image.mode in ("1", "L", "RGB") and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        return image.convert(image.mode.removesuffix("A")), image.getchannel("A")
    return image, None
