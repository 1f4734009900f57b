"""Every format, as programs write it: the right picture, or the right no."""

import io
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from percov2_demo.errors import ImageError
from percov2_demo.images import load_image
from percov2_demo.images.formats import FORMATS
from tests.images.files import AWKWARD, assert_halves, assert_refused, encode, orientation, picture, swapped_profile


WRITTEN = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "ICO", "TGA")
"""Pillow's names of the formats that it writes."""


@pytest.mark.parametrize(("make", "left", "right", "tolerance"), AWKWARD.values(), ids=AWKWARD)
def test_awkward_files(make: Callable[[], bytes], left, right, tolerance: int) -> None:
    image = load_image(make())
    assert_halves(image, left, right, tolerance)
    assert not image.info


def test_every_format_is_tried() -> None:
    tried = {next(format.name for format in FORMATS if format.looks_right(make())) for make, *_ in AWKWARD.values()}
    assert tried == {format.name for format in FORMATS} - {"HEIC", "JPEG XL"}


def test_a_converted_profile_is_not_kept() -> None:
    """Saved with its old profile, the picture would be converted twice."""
    image = load_image(encode(picture(), "PNG", icc_profile=swapped_profile(), exif=orientation(1)))
    again = Image.open(io.BytesIO(encode(image, "PNG")))
    assert "icc_profile" not in again.info
    assert not again.getexif()


def test_a_profile_of_srgb_changes_nothing() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    difference = np.asarray(load_image(encode(noise, "PNG", icc_profile=srgb)), int) - np.asarray(noise, int)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_applied(value: int, format: str) -> None:
    """The upright picture has its marks where they belong, whatever way the camera was held."""
    upright = Image.new("RGB", (96, 64), "black")
    upright.paste("red", (0, 0, 32, 32))
    upright.paste("blue", (64, 0, 96, 32))
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[value]
    image = load_image(encode(stored, format, exif=orientation(value), quality=95))
    assert image.size == (96, 64)
    for position, colour in {(12, 12): (255, 0, 0), (84, 12): (0, 0, 255), (48, 50): (0, 0, 0)}.items():
        assert image.getpixel(position) == pytest.approx(colour, abs=12)


@pytest.mark.parametrize("format", WRITTEN)
def test_truncated_files(format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (48, 48, 3), np.uint8))
    data = encode(noise, format)
    assert load_image(data).size == (48, 48)
    for part in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9):
        assert_refused(data[: int(part * len(data))], "damaged|not a picture")


@pytest.mark.parametrize("format", WRITTEN)
def test_damaged_files_are_read_or_refused(format: str) -> None:
    """Damage to samples cannot always be seen; whatever happens, it is a picture or an `ImageError`."""
    rng = random.Random(format)
    original = encode(picture(), format)
    refused = 0
    for _ in range(60):
        data = bytearray(original)
        for _ in range(rng.randint(1, 30)):
            data[rng.randrange(min(len(data), rng.choice([64, 512, 10**6])))] = rng.randrange(256)
        try:
            assert load_image(bytes(data)).mode == "RGB"
        except ImageError:
            refused += 1
    assert refused > 0


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"\xff\xd8\xff", b"P6 "]), st.binary())
def test_random_bytes_are_no_picture(prefix: bytes, data: bytes) -> None:
    assert_refused(prefix + data)
