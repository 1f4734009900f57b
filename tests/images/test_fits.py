"""The geometry of the fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from percov2_demo.errors import InputError
from percov2_demo.images import FITS, fit_image, native_size
from tests.images.files import picture


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ((1, 1), (512, 512)),
        ((5, 4), (576, 448)),
        ((4, 3), (576, 448)),
        ((3, 2), (576, 384)),
        ((16, 9), (704, 384)),
        ((2, 1), (768, 384)),
        ((21, 9), (768, 320)),
        ((3, 1), (960, 320)),
    ],
)
def test_native_sizes_of_common_ratios(ratio: tuple[int, int], expected: tuple[int, int]) -> None:
    width, height = ratio
    for scale in (16, 100, 457):
        assert native_size(scale * width, scale * height) == expected
        assert native_size(scale * height, scale * width) == expected[::-1]


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(16, 8000), st.integers(16, 8000), st.sampled_from([64, 100, 512, 1280, 1536]))
def test_native_sizes_are_multiples_of_64_within_the_limit(width: int, height: int, max_side: int) -> None:
    for side in native_size(width, height, max_side):
        assert side % 64 == 0
        assert 64 <= side <= max_side


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.floats(1, 5))
def test_native_sizes_keep_ratio_and_area(ratio: float) -> None:
    """For ratios up to 5, at most 8 % of the picture is trimmed and the area is within a quarter of 512²."""
    columns, rows = native_size(round(1000 * ratio), 1000)
    kept = ratio / (columns / rows)
    assert min(kept, 1 / kept) > 0.92
    assert 0.75 <= columns * rows / 512**2 <= 1.25


def test_native_sizes_are_clipped_at_extreme_ratios() -> None:
    assert native_size(8000, 16) == (1280, 64)
    assert native_size(16, 8000, max_side=512) == (64, 512)
    assert native_size(4000, 3000, max_side=256) == (256, 192)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize(("width", "height"), [(16, 16), (8000, 16), (16, 3000), (511, 513), (768, 512), (1000, 3000)])
def test_fitted_sides(fit: str, width: int, height: int) -> None:
    image = fit_image(picture(width=width, height=height), fit)
    assert image.mode == "RGB"
    assert image.size == (native_size(width, height) if fit == "native" else (512, 512))


def disc_extent(image: Image.Image) -> tuple[int, int]:
    """Width and height of what is white."""
    left, top, right, bottom = image.convert("L").point(lambda value: 255 * (value > 127)).getbbox()
    return right - left, bottom - top


def disc(width: int, height: int, radius: int) -> Image.Image:
    image = Image.new("RGB", (width, height))
    ImageDraw.Draw(image).circle((width / 2, height / 2), radius, "white")
    return image


@pytest.mark.parametrize(
    ("width", "height"), [(600, 600), (800, 600), (600, 900), (1600, 900), (500, 1500), (3000, 300)]
)
def test_a_disc_stays_round_unless_squashed(width: int, height: int) -> None:
    image = disc(width, height, min(width, height) // 3)
    for fit in ("native", "crop"):
        across, down = disc_extent(fit_image(image, fit))
        assert across == pytest.approx(down, abs=2)
    across, down = disc_extent(fit_image(image, "squash"))
    assert across / down == pytest.approx(height / width, rel=0.05)


@pytest.mark.parametrize("fit", ["native", "crop"])
def test_what_overhangs_is_trimmed_equally(fit: str) -> None:
    image = fit_image(disc(1000, 640, 200), fit)
    left, top, right, bottom = image.convert("L").point(lambda value: 255 * (value > 127)).getbbox()
    assert left == pytest.approx(image.width - right, abs=2)
    assert top == pytest.approx(image.height - bottom, abs=2)


@pytest.mark.parametrize(("width", "height"), [(512, 512), (576, 384), (704, 384)])
def test_a_picture_of_native_size_is_left_alone(width: int, height: int) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))
    assert fit_image(noise).tobytes() == noise.tobytes()


def test_shrinking_is_antialiased() -> None:
    """A fine chequerboard becomes grey, not a pattern."""
    board = np.indices((2001, 2001)).sum(0) % 2 * 255
    image = Image.fromarray(board.astype(np.uint8)).convert("RGB")
    for fit in FITS:
        assert np.ptp(np.asarray(fit_image(image, fit))[16:-16, 16:-16]) <= 4


def test_max_side() -> None:
    assert fit_image(picture(width=3000, height=1000), max_side=640).size == (576, 192)
    with pytest.raises(InputError, match="at least 64"):
        fit_image(picture(), max_side=63)


def test_an_unknown_fit_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="native, crop, squash"):
        fit_image(picture(), "stretch")
