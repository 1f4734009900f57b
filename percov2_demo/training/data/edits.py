"""Photometric edits that a caption can name, so that the text learns to change a picture whose indices stay.

A photo, its edited version and the edited caption make a pair: the flow is given the indices of the one and the
caption of the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


_LUMA = np.array([0.2126, 0.7152, 0.0722])
_GAMMA = 2.2


@dataclass(frozen=True)
class Edit:
    """One kind of edit.

    Args:
        name: What it is called in tables.
        caption: The edited caption, with a place for the photo's own; the one that is measured.
        phrases: Other ways to say it: with one alone, a model learns the phrase and not the word.
        apply: Linear light in [0, 1], `(H, W, 3)`, to edited linear light; the generator draws its strength.
    """

    name: str
    caption: str
    phrases: tuple[str, ...]
    apply: Callable[[np.ndarray, np.random.Generator], np.ndarray]

    def describe(self, caption: str, rng: np.random.Generator) -> str:
        """Name the edit in a photo's caption, in one of its phrases."""
        return str(rng.choice((self.caption, *self.phrases))).format(caption)

    def __call__(self, pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Edit a photo `(H, W, 3)` uint8."""
        edited = self.apply((pixels / 255.0) ** _GAMMA, rng).clip(0, 1)
        return np.round(255 * edited ** (1 / _GAMMA)).astype(np.uint8)


def _grey(light: np.ndarray) -> np.ndarray:
    return (light @ _LUMA)[..., None]


def _top_to_bottom(light: np.ndarray) -> np.ndarray:
    """Return a ramp from 1 at the top of the photo to 0 at its bottom."""
    return np.linspace(1, 0, len(light))[:, None, None]


def _black_and_white(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.repeat(_grey(light) * rng.uniform(0.9, 1.1), 3, axis=2)


def _night(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    dim = 0.5 * light + 0.5 * _grey(light)
    return dim * rng.uniform(0.06, 0.15) * np.array([0.6, 0.8, 1.4])


def _sunset(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    warm = light * np.array([1.25, 0.7, 0.35]) * rng.uniform(0.7, 0.95)
    glow = 0.25 * _top_to_bottom(light) * np.array([1.0, 0.35, 0.08])
    return warm + glow


def _fog(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    density = rng.uniform(0.45, 0.65) + 0.25 * (_top_to_bottom(light) - 0.5)
    air = np.array([0.55, 0.58, 0.6])
    return (1 - density) * (0.6 * light + 0.4 * _grey(light)) + density * air


def _snow(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grey = _grey(light)
    # Bright and level things whiten; what is dark keeps its shape.
    cover = (grey / (grey + 0.12)) * (1 - 0.4 * _top_to_bottom(light)) * rng.uniform(0.75, 0.95)
    return (1 - cover) * (0.4 * light + 0.6 * grey) + cover * np.array([0.82, 0.87, 0.95])


def _autumn(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    red, green, blue = np.moveaxis(light, -1, 0)
    # Foliage is where green leads; its light stays, its hue turns to orange.
    leads = ((green - np.maximum(red, blue)) / (green + 0.02) / 0.25).clip(0, 1)[..., None]
    leaves = green[..., None] * np.array([1.5, 0.62, 0.12]) * rng.uniform(0.85, 1.15)
    warm = light * np.array([1.15, 0.95, 0.7])
    return leads * leaves + (1 - leads) * warm


EDITS = (
    Edit(
        "black and white",
        "a black and white photo of {}",
        ("{} in black and white", "black and white, {}", "a monochrome picture of {}", "{}, in shades of grey"),
        _black_and_white,
    ),
    Edit("night", "{} at night", ("{} by night", "night, {}", "a dark night, {}", "{} in the dark"), _night),
    Edit(
        "sunset",
        "{} at sunset",
        ("sunset, {}", "a sunset, {}", "{} in the evening sun", "{} in the light of the setting sun"),
        _sunset,
    ),
    Edit("fog", "{} in the fog", ("{} in fog", "a foggy day, {}", "{} in the mist", "fog, {}"), _fog),
    Edit("snow", "{} in the snow", ("{} in winter", "a snowy day, {}", "{} covered in snow", "snow, {}"), _snow),
    Edit(
        "autumn",
        "{} in autumn",
        ("{} in the fall", "an autumn day, {}", "autumn, {}", "{} in autumn colours"),
        _autumn,
    ),
)

PLAIN = ("a photo of {}", "a picture of {}", "a photograph of {}", "an image of {}")
"""Ways to introduce a caption that name no edit, with a place for it."""

PLAIN_SHARE = 0.2
"""Share of the captions that are introduced so, edited or not."""


def introduce(caption: str, rng: np.random.Generator) -> str:
    """Put words before a share of the captions that ask for nothing: else what often comes with an edit means it."""
    return str(rng.choice(PLAIN)).format(caption) if rng.random() < PLAIN_SHARE else caption
