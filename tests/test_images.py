"""The image front door: awkward files, hostile files, and the geometry of the fits."""

import io
import random
import re
import struct
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from percov2_demo import images
from percov2_demo.errors import ImageError, InputError
from percov2_demo.images import (
    FITS,
    FORMATS,
    MAX_FILE_BYTES,
    MAX_SIDE,
    fit_image,
    load_image,
    native_size,
    normalize,
)


RED, BLUE = (200, 40, 40), (30, 60, 220)
WIDTH, HEIGHT = 48, 32


def picture(mode: str = "RGB", width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width // 2, height))
    return image.convert(mode)


def grey(mode: str, left: float, right: float) -> Image.Image:
    """One value on the left, another on the right, in any single-channel mode."""
    dtype = {"F": np.float32, "I": np.int32, "I;16": np.uint16}[mode]
    samples = np.full((HEIGHT, WIDTH), right, dtype)
    samples[:, : WIDTH // 2] = left
    image = Image.fromarray(samples)
    assert image.mode == mode
    return image


def with_alpha(image: Image.Image, opacity: int) -> Image.Image:
    """Opaque on the left, of the given opacity on the right."""
    alpha = Image.new("L", image.size, opacity)
    alpha.paste(255, (0, 0, image.width // 2, image.height))
    image.putalpha(alpha)
    return image


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of kinds that Pillow does not write; `rows` start with their filter bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def halves(left: bytes, right: bytes) -> bytes:
    """Rows of a PNG with one pixel value on the left and another on the right."""
    return (b"\0" + left * (WIDTH // 2) + right * (WIDTH // 2)) * HEIGHT


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def swapped_profile() -> bytes:
    """A colour profile that calls sRGB's red blue and its blue red."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def over_white(colour: tuple[int, int, int], opacity: int) -> tuple[int, ...]:
    return tuple(round(255 + (value - 255) * opacity / 255) for value in colour)


def palette(**options: object) -> bytes:
    """A palette picture with `RED` as entry 0 and `BLUE` as entry 1."""
    image = Image.new("P", (WIDTH, HEIGHT), 1)
    image.putpalette([*RED, *BLUE])
    image.paste(0, (0, 0, WIDTH // 2, HEIGHT))
    return encode(image, "PNG", **options)


def animation(format: str) -> bytes:
    return encode(picture(), format, save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT), "lime")])


def lab() -> Image.Image:
    profile = ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(picture(), ImageCms.createProfile("sRGB"), profile, outputMode="LAB")


def luma(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    return (Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0)),) * 3


BLACK, WHITE = (0, 0, 0), (255, 255, 255)
GREY_RED, GREY_BLUE = luma(RED), luma(BLUE)

# Name: what makes the file, the colours expected on the left and on the right, and how far they may be off.
AWKWARD: dict[str, tuple[Callable[[], bytes], tuple[int, ...], tuple[int, ...], int]] = {
    "PNG": (lambda: encode(picture(), "PNG"), RED, BLUE, 0),
    "PNG, RGBA": (lambda: encode(with_alpha(picture(), 0), "PNG"), RED, WHITE, 0),
    "PNG, RGBA half opaque": (lambda: encode(with_alpha(picture(), 100), "PNG"), RED, over_white(BLUE, 100), 1),
    "PNG, LA": (lambda: encode(with_alpha(picture("L"), 64), "PNG"), GREY_RED, over_white(GREY_BLUE, 64), 1),
    "PNG, P": (palette, RED, BLUE, 0),
    "PNG, P with a transparent entry": (lambda: palette(transparency=1), RED, WHITE, 0),
    "PNG, P with opacities": (lambda: palette(transparency=b"\xff\x80"), RED, over_white(BLUE, 128), 1),
    "PNG, RGB with a transparent colour": (lambda: encode(picture(), "PNG", transparency=RED), WHITE, BLUE, 0),
    "PNG, L": (lambda: encode(picture("L"), "PNG"), GREY_RED, GREY_BLUE, 0),
    "PNG, L with a transparent grey": (
        lambda: encode(picture("L"), "PNG", transparency=GREY_RED[0]),
        WHITE,
        GREY_BLUE,
        0,
    ),
    "PNG, 1 bit": (lambda: encode(grey("I", 0, 255).convert("L").convert("1"), "PNG"), BLACK, WHITE, 0),
    "PNG, 1 bit with transparent black": (
        lambda: png(WIDTH, HEIGHT, 1, 0, (b"\0" + b"\0\0\0" + b"\xff\xff\xff") * HEIGHT, (b"tRNS", b"\0\0")),
        WHITE,
        WHITE,
        0,
    ),
    "PNG, 4-bit grey": (
        lambda: png(WIDTH, HEIGHT, 4, 0, (b"\0" + b"\x33" * 12 + b"\xcc" * 12) * HEIGHT),
        (0x33,) * 3,
        (0xCC,) * 3,
        0,
    ),
    "PNG, 16-bit grey": (lambda: encode(grey("I;16", 1000, 65535), "PNG"), (4, 4, 4), WHITE, 0),
    "PNG, 16-bit grey, dark": (lambda: encode(grey("I;16", 0, 255), "PNG"), BLACK, (1, 1, 1), 0),
    "PNG, 16-bit grey with opacity": (
        lambda: png(WIDTH, HEIGHT, 16, 4, halves(struct.pack(">HH", 25700, 65535), struct.pack(">HH", 0, 0))),
        (100, 100, 100),
        WHITE,
        1,
    ),
    "PNG, 16-bit RGB": (
        lambda: png(WIDTH, HEIGHT, 16, 2, halves(struct.pack(">HHH", 257, 514, 65535), b"\x80" * 6)),
        (1, 2, 255),
        (128, 128, 128),
        0,
    ),
    "PNG, animated": (lambda: animation("PNG"), RED, BLUE, 0),
    "PNG, broken profile": (lambda: encode(picture(), "PNG", icc_profile=b"no profile"), RED, BLUE, 0),
    "PNG, profile for CMYK": (
        lambda: encode(picture(), "PNG", icc_profile=swapped_profile().replace(b"RGB XYZ", b"CMYKXYZ")),
        RED,
        BLUE,
        0,
    ),
    "PNG, swapped profile": (
        lambda: encode(picture(), "PNG", icc_profile=swapped_profile()),
        RED[::-1],
        BLUE[::-1],
        2,
    ),
    "PNG, swapped profile and opacity": (
        lambda: encode(with_alpha(picture(), 0), "PNG", icc_profile=swapped_profile()),
        RED[::-1],
        WHITE,
        2,
    ),
    "PNG, swapped profile and palette": (
        lambda: palette(icc_profile=swapped_profile()),
        RED[::-1],
        BLUE[::-1],
        2,
    ),
    "JPEG": (lambda: encode(picture(), "JPEG", quality=95), RED, BLUE, 6),
    "JPEG, progressive": (lambda: encode(picture(), "JPEG", quality=95, progressive=True), RED, BLUE, 6),
    "JPEG, grey": (lambda: encode(picture("L"), "JPEG", quality=95), GREY_RED, GREY_BLUE, 4),
    "JPEG, CMYK": (lambda: encode(picture("CMYK"), "JPEG", quality=95), RED, BLUE, 6),
    "JPEG, swapped profile": (
        lambda: encode(picture(), "JPEG", quality=95, icc_profile=swapped_profile()),
        RED[::-1],
        BLUE[::-1],
        8,
    ),
    "PNG, broken EXIF": (lambda: encode(picture(), "PNG", exif=b"Exif\0\0broken"), RED, BLUE, 0),
    "JPEG, broken EXIF": (
        lambda: encode(picture(), "JPEG", quality=95, exif=b"Exif\0\0MM broken"),
        RED,
        BLUE,
        6,
    ),
    "JPEG, upside down": (
        lambda: encode(picture(), "JPEG", quality=95, exif=orientation(3)),
        BLUE,
        RED,
        6,
    ),
    "JPEG, orientation out of range": (
        lambda: encode(picture(), "JPEG", quality=95, exif=orientation(99)),
        RED,
        BLUE,
        6,
    ),
    "MPO": (lambda: animation("MPO"), RED, BLUE, 20),
    "WebP": (lambda: encode(picture(), "WEBP", quality=95), RED, BLUE, 10),
    "WebP, lossless, RGBA": (lambda: encode(with_alpha(picture(), 0), "WEBP", lossless=True), RED, WHITE, 0),
    "WebP, animated": (lambda: animation("WEBP"), RED, BLUE, 10),
    "AVIF": (lambda: encode(picture(), "AVIF", quality=95), RED, BLUE, 10),
    "AVIF, RGBA": (lambda: encode(with_alpha(picture(), 0), "AVIF", quality=95), RED, WHITE, 10),
    "GIF": (lambda: encode(picture(), "GIF"), RED, BLUE, 0),
    "GIF, animated": (lambda: animation("GIF"), RED, BLUE, 0),
    "GIF, transparent": (lambda: encode(with_alpha(picture(), 0), "GIF"), RED, WHITE, 0),
    "GIF, grey": (lambda: encode(picture("L"), "GIF"), GREY_RED, GREY_BLUE, 0),
    "BMP": (lambda: encode(picture(), "BMP"), RED, BLUE, 0),
    "BMP, 1 bit": (lambda: encode(grey("I", 0, 255).convert("L").convert("1"), "BMP"), BLACK, WHITE, 0),
    "TIFF": (lambda: encode(picture(), "TIFF"), RED, BLUE, 0),
    "TIFF, LZW": (lambda: encode(picture(), "TIFF", compression="tiff_lzw"), RED, BLUE, 0),
    "TIFF, CMYK": (lambda: encode(picture("CMYK"), "TIFF"), RED, BLUE, 2),
    "TIFF, RGBA": (lambda: encode(with_alpha(picture(), 0), "TIFF"), RED, WHITE, 0),
    "TIFF, fax": (
        lambda: encode(grey("I", 0, 255).convert("L").convert("1"), "TIFF", compression="group4"),
        BLACK,
        WHITE,
        0,
    ),
    "TIFF, 16-bit grey": (lambda: encode(grey("I;16", 1000, 65535), "TIFF"), (4, 4, 4), WHITE, 0),
    "TIFF, 32-bit grey, to 255": (lambda: encode(grey("I", 10, 200), "TIFF"), (10,) * 3, (200,) * 3, 0),
    "TIFF, 32-bit grey, to 65535": (lambda: encode(grey("I", 257, 51400), "TIFF"), (1,) * 3, (200,) * 3, 0),
    "TIFF, 32-bit grey, signed": (lambda: encode(grey("I", -2000, 10**9), "TIFF"), BLACK, WHITE, 0),
    "TIFF, 32-bit grey, constant": (lambda: encode(grey("I", -5, -5), "TIFF"), BLACK, BLACK, 0),
    "TIFF, floating point, to 1": (lambda: encode(grey("F", 0.2, 1), "TIFF"), (51,) * 3, WHITE, 0),
    "TIFF, floating point, to 255": (lambda: encode(grey("F", 10, 200), "TIFF"), (10,) * 3, (200,) * 3, 0),
    "TIFF, floating point, any": (lambda: encode(grey("F", -3e38, 3e38), "TIFF"), BLACK, WHITE, 0),
    "TIFF, floating point, undefined": (lambda: encode(grey("F", np.nan, 1), "TIFF"), BLACK, WHITE, 0),
    "TIFF, floating point, infinite": (lambda: encode(grey("F", np.inf, 1), "TIFF"), BLACK, WHITE, 0),
    "TIFF, LAB": (lambda: encode(lab(), "TIFF"), RED, BLUE, 6),
    "TIFF, two pages": (lambda: animation("TIFF"), RED, BLUE, 0),
    "TIFF, upside down": (lambda: encode(picture(), "TIFF", exif=orientation(3)), BLUE, RED, 0),
    "JPEG 2000": (lambda: encode(picture(), "JPEG2000"), RED, BLUE, 0),
    "JPEG 2000, 16-bit grey": (lambda: encode(grey("I;16", 1000, 65535), "JPEG2000"), (4, 4, 4), WHITE, 0),
    "PPM": (lambda: encode(picture(), "PPM"), RED, BLUE, 0),
    "PGM, 16 bits": (
        lambda: b"P5 48 32 65535\n" + (struct.pack(">H", 257) * 24 + struct.pack(">H", 51400) * 24) * HEIGHT,
        (1, 1, 1),
        (200, 200, 200),
        0,
    ),
    "PBM, plain": (lambda: b"P1\n# comment\n48 32\n" + (b"1 " * 24 + b"0 " * 24) * HEIGHT, BLACK, WHITE, 0),
    "PFM": (lambda: encode(grey("F", 0.2, 1), "PPM"), (51,) * 3, WHITE, 0),
    "TGA": (lambda: encode(picture(), "TGA", compression="tga_rle"), RED, BLUE, 0),
    "ICO": (lambda: encode(picture(), "ICO", sizes=[(WIDTH, HEIGHT)]), RED, BLUE, 0),
}


def assert_halves(image: Image.Image, left: tuple[int, ...], right: tuple[int, ...], tolerance: int) -> None:
    assert (image.mode, image.size) == ("RGB", (WIDTH, HEIGHT))
    pixels = np.asarray(image, np.int64)
    margin = WIDTH // 2 - 8  # Chroma bleeds over the edge between the halves in subsampled formats.
    assert np.abs(pixels[:, :margin] - left).max() <= tolerance
    assert np.abs(pixels[:, -margin:] - right).max() <= tolerance


@pytest.mark.parametrize(("make", "left", "right", "tolerance"), AWKWARD.values(), ids=AWKWARD)
def test_awkward_files(make: Callable[[], bytes], left, right, tolerance: int) -> None:
    image = load_image(make())
    assert_halves(image, left, right, tolerance)
    assert not image.info


def test_every_format_is_tried() -> None:
    formats = {Image.open(io.BytesIO(make())).format for make, *_ in AWKWARD.values()}
    assert formats == {*FORMATS, "MPO"}


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


# Sources


def test_sources(tmp_path: Path) -> None:
    data = encode(picture(), "PNG")
    path = tmp_path / "päth with spaces.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        images = [load_image(source) for source in (data, path, str(path), io.BytesIO(data), file)]
    assert {image.tobytes() for image in images} == {picture().tobytes()}


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encode(picture(), "PNG"))
    assert load_image(path).tobytes() == picture().tobytes()


def assert_refused(source: object, message: str | None = None) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        load_image(source)
    assert re.fullmatch(r"[A-Z][^\n/]{10,150}\.", str(caught.value))


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    for source in (tmp_path / "missing.png", tmp_path, "", "nul\0character", "x" * 10_000, closed):
        assert_refused(source, "cannot be opened")


def test_the_message_does_not_name_the_path(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    for data in (b"", b"text", encode(picture(), "PNG")[:-40]):
        path.write_bytes(data)
        with pytest.raises(ImageError) as caught:
            load_image(path)
        assert "secret" not in str(caught.value)


# Hostile files

FOREIGN = {
    "text": b"an old castle\n" * 50,
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>',
    "HTML": b"<!doctype html><html><body>404</body></html>",
    "PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 10,
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n",
    "ZIP": b"PK\x03\x04" + bytes(200),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
    "video": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200),
    "stream": bytes.fromhex("002c8e6a") + bytes(range(64)),
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_picture(data: bytes) -> None:
    assert_refused(data, "not a picture")


def test_an_empty_file() -> None:
    assert_refused(b"", "empty")


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert_refused(path, "64 MB")


BOMBS = {
    "PNG": png(100_000, 100_000, 8, 2, b"\0"),
    "PNG that Pillow warns of": png(10_000, 10_000, 8, 2, b"\0"),
    "PNG just too wide": png(MAX_SIDE + 1, 16, 8, 2, b"\0"),
    "PNG just too high": png(16, MAX_SIDE + 1, 8, 2, b"\0"),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b"," + bytes(20),
    "BMP": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "PPM": b"P6 70000 70000 255\n",
    "TGA": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 60_000, 60_000, 24, 0),
    "JPEG": encode(picture(), "JPEG").replace(struct.pack(">HH", HEIGHT, WIDTH), struct.pack(">HH", 65_000, 65_000)),
    "TIFF": encode(Image.new("1", (MAX_SIDE + 1, 9_000)), "TIFF", compression="group4"),
    "WebP": encode(Image.new("RGB", (16_383, 16)), "WEBP"),
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_by_their_header(data: bytes) -> None:
    start = time.perf_counter()
    assert_refused(data, "too large")
    assert time.perf_counter() - start < 0.5


def test_an_icon_with_a_larger_picture_than_it_announces() -> None:
    inner = png(MAX_SIDE + 8, 16, 1, 0, bytes((MAX_SIDE + 8) // 8 + 1) * 16)
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(inner), 22)
    assert_refused(struct.pack("<HHH", 0, 1, 1) + entry + inner, "too large")


def test_a_picture_in_an_icon_is_refused_before_it_is_decoded() -> None:
    side = 10_000
    inner = png(side, side, 1, 0, bytes((1 + side // 8) * side))
    directory = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(inner), 22)
    with pytest.raises(ImageError, match="too large") as caught:
        load_image(directory + inner)
    assert isinstance(caught.value.__cause__, Image.DecompressionBombWarning)


def tags_of_the_same_bytes(count: int, size: int) -> bytes:
    """A directory of EXIF or TIFF."""
    place = 8 + 2 + 12 * count + 4
    tags = b"".join(struct.pack("<HHII", 40_000 + number, 7, size, place) for number in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + bytes(4 + size)


TAGS = tags_of_the_same_bytes(1000, 10**5)

TAGGED = {
    "TIFF": TAGS,
    "PNG": png(WIDTH, HEIGHT, 8, 0, halves(b"\1", b"\2"), (b"eXIf", TAGS)),
    "PNG, as text": png(
        WIDTH,
        HEIGHT,
        8,
        0,
        halves(b"\1", b"\2"),
        (b"tEXt", b"Raw profile type exif\0\nexif\n9\n" + TAGS.hex().encode()),
    ),
    "WebP": encode(picture(), "WEBP", exif=TAGS),
    "JPEG": encode(picture(), "JPEG").replace(
        b"\xff\xdb",
        b"".join(
            b"\xff\xe1" + struct.pack(">H", 8 + len(part)) + b"Exif\0\0" + part
            for part in (TAGS[start : start + 60_000] for start in range(0, len(TAGS), 60_000))
        )
        + b"\xff\xdb",
        1,
    ),
}


@pytest.mark.parametrize("data", TAGGED.values(), ids=TAGGED)
def test_tags_of_the_same_bytes_are_not_copied_for_each(data: bytes) -> None:
    assert len(data) < 300_000
    tracemalloc.start()
    with suppress(ImageError):
        load_image(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**7


def test_a_comment_in_many_parts_does_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_DECODING_SECONDS", 0.5)
    file = encode(picture("P"), "GIF")
    palette = 13 + 3 * 2 ** ((file[10] & 7) + 1)
    data = file[:palette] + b"\x21\xfe" + (b"\xff" + bytes(255)) * 60_000 + b"\0" + file[palette:]
    start = time.thread_time()
    with pytest.raises(ImageError, match="takes too long"):
        load_image(data)
    assert time.thread_time() - start < 2


def test_scans_without_end_do_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_DECODING_SECONDS", 0.5)
    file = encode(Image.new("L", (2000, 2000)), "JPEG", progressive=True)
    last = file.rindex(b"\xff\xda")
    start = time.thread_time()
    with pytest.raises(ImageError, match="takes too long"):
        load_image(file[:last] + file[last:-2] * 2000 + file[-2:])
    assert time.thread_time() - start < 3


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 64), (64, 15), (MAX_SIDE, 15)])
def test_too_small(width: int, height: int) -> None:
    assert_refused(encode(Image.new("L", (width, height)), "PNG"), "too small")
    with pytest.raises(ImageError, match="too small"):
        normalize(Image.new("L", (width, height)))


@pytest.mark.parametrize(("width", "height"), [(16, 16), (16, MAX_SIDE), (MAX_SIDE, 16), (17, 4999)])
def test_extreme_sides_are_read(width: int, height: int) -> None:
    assert load_image(encode(Image.new("L", (width, height)), "PNG")).size == (width, height)


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_files(format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (48, 48, 3), np.uint8))
    data = encode(noise, format)
    assert load_image(data).size == (48, 48)
    for part in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9):
        assert_refused(data[: int(part * len(data))], "damaged|not a picture")


@pytest.mark.parametrize("format", FORMATS)
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


def test_pillows_warnings_do_not_leak() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filters = list(warnings.filters)
        assert_refused(BOMBS["PNG that Pillow warns of"], "too large")
        assert load_image(palette(transparency=b"\xff\x80")).mode == "RGB"
        assert warnings.filters == filters


# Fits


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
