"""What the numbers of a picture mean, and their way to sRGB.

Whatever a file says of its colours becomes an ICC profile, which LittleCMS converts, or a `Cicp` of an HDR signal,
which `hdr` maps to what a display of standard range shows.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms


MAX_PROFILE_BYTES = 16 * 2**20
"""Largest ICC profile that is read: those of calibrated displays may have a few megabytes."""

PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.709, sRGB
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),  # BT.470 M
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290),  # BT.470 B, G
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # SMPTE 170M
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # SMPTE 240M
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),  # film with illuminant C
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),  # BT.2020, BT.2100
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),  # DCI-P3
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),  # Display P3
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, 0.3127, 0.3290),  # EBU 3213
}
"""Chromaticities x, y of red, green, blue and white for the code points of ITU-T H.273, table 2."""

SRGB_PRIMARIES = PRIMARIES[1]

PQ, HLG = 16, 18
"""Transfer characteristics of HDR, ITU-T H.273, table 3."""

_CURVE_SAMPLES = 4096
_LIKE_SRGB = 0.05
"""How far an exponent may be from 1/2.2, relatively, for the file to mean sRGB; libpng draws the same line."""

_SAME_CHROMATICITY = 0.005


@dataclass(frozen=True)
class Cicp:
    """Coding-independent code points: what a file says of its colours in the numbers of ITU-T H.273.

    Attributes:
        primaries: Code point of the primaries.
        transfer: Code point of the transfer characteristics.
        peak: Brightest light in the picture in cd/m², where the file says it.
    """

    primaries: int
    transfer: int
    peak: float | None = None

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (PQ, HLG)

    def profile(self, grey: bool) -> bytes | None:
        """Make the ICC profile of a signal of standard range, of grey or of RGB; None stands for sRGB.

        Code points of cameras (BT.709, BT.2020 and others, and those not specified) mean sRGB's curve: their pictures
        are graded on displays, and shown as they are by browsers. Those of primaries not specified mean sRGB's.
        """
        return _profile(PRIMARIES.get(self.primaries, SRGB_PRIMARIES), _CURVES.get(self.transfer), grey)


def profile_of_gamma(
    exponent: float | None, chromaticities: tuple[float, ...] | None, grey: bool = False
) -> bytes | None:
    """Make the ICC profile of what PNG and BMP say without one; None stands for sRGB.

    Args:
        exponent: Of the way from samples to light, about 2.2.
        chromaticities: x and y of red, green, blue and white.
        grey: Whether the profile is for grey, not for RGB.
    """
    curve = None
    if exponent is not None and abs(exponent / 2.2 - 1) > _LIKE_SRGB:
        curve = _power(exponent)
    return _profile(chromaticities or SRGB_PRIMARIES, curve, grey)


def cicp_of_profile(profile: bytes) -> Cicp | None:
    """Read the code points that an ICC profile carries for HDR (ICC.1:2022, 9.2.17), where it does."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        for entry in range(132, 132 + 12 * min(count, 100), 12):
            signature, start = struct.unpack_from(">4sI", profile, entry)
            if signature == b"cicp":
                primaries, transfer = struct.unpack_from(">BB", profile, start + 8)
                return Cicp(primaries, transfer)
    except struct.error:
        pass
    return None


def to_srgb(profile: bytes | None) -> Callable[[Image.Image], Image.Image]:
    """Make what converts pictures of a mode without transparency to RGB.

    Args:
        profile: The ICC profile of the pictures. One that is broken, or of other channels than theirs, is ignored: the
            plain conversion is the best guess left.
    """
    transforms: dict[str, ImageCms.ImageCmsTransform | None] = {}

    def convert(image: Image.Image) -> Image.Image:
        if profile and image.mode not in transforms:
            transforms[image.mode] = _transform(profile, image.mode)
        transform = transforms.get(image.mode)
        if transform is None:
            return image.convert("RGB")
        converted = ImageCms.applyTransform(image, transform)
        assert converted is not None  # None only if the picture is changed in place.
        return converted

    return convert


def deep_to_srgb(profile: bytes, model: str) -> Callable[[np.ndarray], np.ndarray | None]:
    """Make what converts samples of 16 bits to 8-bit RGB: 8 bits of light would leave few for what is dark.

    Args:
        profile: The ICC profile of the samples.
        model: Pillow's name of the mode that the samples are in 8 bits.

    Returns:
        A function of samples, (height, width, channels), which gives None where the profile cannot be used.
    """
    import imagecodecs

    srgb = imagecodecs.cms_profile("srgb")
    # LittleCMS's fast path for grey has 8 bits, whatever the input.
    flags = imagecodecs.CMS.FLAGS.NOOPTIMIZE if model == "L" else None

    def convert(samples: np.ndarray) -> np.ndarray | None:
        if model not in _SPACES:
            return None
        flat = samples[..., 0] if model == "L" else samples
        try:
            return imagecodecs.cms_transform(
                np.ascontiguousarray(flat),
                profile,
                srgb,
                colorspace=_SPACES[model],
                outcolorspace="rgb",
                outdtype=np.uint8,
                flags=flags,
            )
        except imagecodecs.CmsError:
            return None

    return convert


_SPACES = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}
"""LittleCMS's names of channels, by Pillow's."""


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None


@lru_cache(maxsize=32)
def _profile(
    primaries: tuple[float, ...], curve: Callable[[np.ndarray], np.ndarray] | None, grey: bool
) -> bytes | None:
    close = all(abs(a - b) < _SAME_CHROMATICITY for a, b in zip(primaries, SRGB_PRIMARIES, strict=True))
    if curve is None and (close or grey):
        return None
    import imagecodecs

    light = (curve or srgb_to_light)(np.linspace(0, 1, _CURVE_SAMPLES))
    table = np.rint(light * 65535).astype(np.uint16)
    if grey:
        return imagecodecs.cms_profile("gray", transferfunction=table)
    try:
        return imagecodecs.cms_profile(
            "rgb", whitepoint=primaries[6:], primaries=primaries[:6], transferfunction=table
        )
    except imagecodecs.CmsError:
        return None  # Chromaticities that are not those of any light.


def srgb_to_light(signal: np.ndarray) -> np.ndarray:
    """Map samples of sRGB, 0 to 1, to light (IEC 61966-2-1)."""
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def light_to_srgb(light: np.ndarray) -> np.ndarray:
    """Map light, 0 to 1, to samples of sRGB (IEC 61966-2-1)."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


@lru_cache(maxsize=32)
def _power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda signal: signal**exponent


def _smpte_240(signal: np.ndarray) -> np.ndarray:
    return np.where(signal < 4 * 0.0228, signal / 4, ((signal + 0.1115) / 1.1115) ** (1 / 0.45))


def _cinema(signal: np.ndarray) -> np.ndarray:
    """SMPTE ST 428-1, whose white has 48 of 52.37 cd/m²."""
    return np.minimum(signal**2.6 * 52.37 / 48, 1)


_CURVES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    4: _power(2.2),
    5: _power(2.8),
    7: _smpte_240,
    8: _power(1.0),
    9: lambda signal: np.where(signal > 0, 10 ** (2 * (signal - 1)), 0),
    10: lambda signal: np.where(signal > 0, 10 ** (2.5 * (signal - 1)), 0),
    17: _cinema,
}
"""From samples to light for the transfer characteristics that do not mean sRGB's."""
