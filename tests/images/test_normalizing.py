"""Pictures that Pillow holds already."""

import numpy as np
import pytest
from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images import ImageTooLarge, normalize
from tests.images.files import (
    BLACK,
    BLUE,
    GREY_BLUE,
    GREY_RED,
    HEIGHT,
    RED,
    WHITE,
    WIDTH,
    assert_halves,
    grey,
    lab,
    orientation,
    picture,
    swapped_profile,
    with_alpha,
)


MODES: dict[str, tuple[Image.Image, tuple[int, ...], tuple[int, ...]]] = {
    "1": (grey("I", 0, 255).convert("L").convert("1"), BLACK, WHITE),
    "L": (picture("L"), GREY_RED, GREY_BLUE),
    "LA": (picture("LA"), GREY_RED, GREY_BLUE),
    "P": (picture().quantize(2), RED, BLUE),
    "PA": (picture("LA").convert("PA"), GREY_RED, GREY_BLUE),
    "RGB": (picture(), RED, BLUE),
    "RGBA": (picture("RGBA"), RED, BLUE),
    "RGBX": (picture("RGBX"), RED, BLUE),
    "CMYK": (picture("CMYK"), RED, BLUE),
    "YCbCr": (picture("YCbCr"), RED, BLUE),
    "HSV": (picture("HSV"), RED, BLUE),
    "LAB": (lab(), RED, BLUE),
    "I": (picture("I"), GREY_RED, GREY_BLUE),
    "F": (picture("F"), GREY_RED, GREY_BLUE),
}


@pytest.mark.parametrize("mode", MODES)
def test_normalize_takes_every_mode(mode: str) -> None:
    image, left, right = MODES[mode]
    assert image.mode == mode
    assert_halves(normalize(image), left, right, 6)


@pytest.mark.parametrize(("mode", "order"), [("I;16", "<u2"), ("I;16L", "<u2"), ("I;16B", ">u2"), ("I;16N", "=u2")])
def test_normalize_takes_16_bits_in_every_byte_order(mode: str, order: str) -> None:
    samples = np.asarray(grey("I;16", 514, 65535)).astype(order)
    image = Image.frombytes(mode, (WIDTH, HEIGHT), samples.tobytes())
    assert_halves(normalize(image), (2, 2, 2), WHITE, 0)


@pytest.mark.parametrize(("mode", "premultiplied"), [("RGBA", "RGBa"), ("LA", "La")])
def test_normalize_takes_premultiplied_alpha(mode: str, premultiplied: str) -> None:
    source = with_alpha(picture(mode[:-1]), 128)
    expected = normalize(source)
    difference = np.asarray(normalize(source.convert(premultiplied)), int) - np.asarray(expected, int)
    assert np.abs(difference).max() <= 2


def test_normalize_leaves_its_argument_alone() -> None:
    image = with_alpha(picture(), 10)
    image.info["icc_profile"] = swapped_profile()
    before, info = image.tobytes(), dict(image.info)
    normalize(image)
    assert (image.mode, image.tobytes(), image.info) == ("RGBA", before, info)


def test_normalize_copies_an_rgb_picture() -> None:
    image = picture()
    copy = normalize(image)
    assert copy.tobytes() == image.tobytes()
    copy.putpixel((0, 0), WHITE)
    assert image.getpixel((0, 0)) == RED


def test_an_orientation_of_a_picture_in_memory() -> None:
    image = picture()
    image.info["exif"] = orientation(3).tobytes()
    assert_halves(normalize(image), BLUE, RED, 0)


def test_a_large_picture_is_reduced() -> None:
    assert normalize(Image.new("L", (8192, 4096))).size == (4096, 2048)


@pytest.mark.parametrize(("size", "kind"), [((15, 64), ImageError), ((20_000, 10_000), ImageTooLarge)])
def test_sides_are_checked_before_pixels(size: tuple[int, int], kind: type[ImageError]) -> None:
    image = Image.Image()
    image._size, image._mode = size, "RGB"
    with pytest.raises(kind):
        normalize(image)
