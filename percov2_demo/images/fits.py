"""How a picture is brought to sides that are multiples of 64."""

import math
from itertools import product

from PIL import Image, ImageOps

from percov2_demo.errors import InputError
from percov2_demo.presets import NOMINAL_SIDE, SIDE_MULTIPLE


FITS = ("native", "crop", "squash")
"""How a picture is brought to sides that are multiples of 64, see `fit_image`."""

MAX_FITTED_SIDE = 1280
"""Longest side in pixels that `fit_image` gives by default."""

_AREA_WEIGHT = 0.25
"""Cost of a change of area relative to the same change, in logarithms, of the aspect ratio."""


def fit_image(image: Image.Image, fit: str = "native", max_side: int = MAX_FITTED_SIDE) -> Image.Image:
    """Bring a picture to sides that are multiples of 64.

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
    """Choose the width and height in pixels, multiples of 64, at which a picture of the given sides is coded.

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

    sides = range(SIDE_MULTIPLE, max_side + 1, SIDE_MULTIPLE)
    return min(product(sides, sides), key=cost)
