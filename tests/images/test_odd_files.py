"""Files that programs write seldom, and that common decoders get wrong without a word."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from percov2_demo.images import load_image
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
    avif_with,
    bmp,
    box,
    encode,
    halves,
    jp2_with,
    over_white,
    picture,
    png,
    samples,
    with_alpha,
    written_tiff,
)


HALF = WIDTH // 2


def grey_png(depth: int, left: int, right: int, key: int) -> bytes:
    """A PNG of grey in 2 or 4 bits with a transparent grey."""

    def packed(value: int) -> bytes:
        return bytes([sum(value << shift for shift in range(0, 8, depth))]) * (HALF * depth // 8)

    rows = (b"\0" + packed(left) + packed(right)) * HEIGHT
    return png(WIDTH, HEIGHT, depth, 0, rows, (b"tRNS", struct.pack(">H", key)))


def rle4(last_row: bytes | None = None) -> bytes:
    """A BMP whose rows are runs of two colours, then pixels one by one; its last row is the picture's first."""
    palette = b"".join(bytes([*colour[::-1], 0]) for colour in (BLACK, RED, BLUE))
    runs = bytes([HALF, 0x11, HALF - 4, 0x22, 0, 4, 0x22, 0x22, 0, 0])
    return bmp(4, 2, runs * (HEIGHT - 1) + (last_row or runs) + b"\0\1", palette.ljust(64, b"\0"))


def rgb565(colour: tuple[int, ...]) -> bytes:
    red, green, blue = colour
    return struct.pack("<H", (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3)


def ycbcr_jp2() -> bytes:
    """A JPEG 2000 file whose channels are luma and chroma, the last of them first."""
    channels = picture().convert("YCbCr").split()[::-1]
    data = encode(Image.merge("RGB", channels), "JPEG2000")
    definitions = struct.pack(">H", 3) + b"".join(struct.pack(">HHH", place, 0, 3 - place) for place in range(3))
    return jp2_with(data, b"\1\0\0" + struct.pack(">I", 18), box(b"cdef", definitions))


def turned(values: np.ndarray) -> np.ndarray:
    return np.moveaxis(values, -1, 0)


def gif_of_part() -> bytes:
    """A GIF whose frame covers the left half of a canvas, of which the file says that it is blue."""
    frame = encode(Image.new("P", (HALF, HEIGHT), 0), "GIF")
    palette = 13 + 3 * 2 ** ((frame[10] & 7) + 1)
    colours = bytes([*RED, *BLUE]) + bytes(palette - 13 - 6)
    return frame[:6] + struct.pack("<HH", WIDTH, HEIGHT) + frame[10:11] + b"\1\0" + colours + frame[palette:]


KEYED_16 = struct.pack(">HHH", 1000, 2000, 3000)
NEARLY_16 = struct.pack(">HHH", 1001, 2000, 3000)
RGB_16, BLUE_16 = (np.array(colour) * 257 for colour in (RED, BLUE))

# Name: what makes the file, the colours expected on the left and on the right, and how far they may be off.
ODD: dict[str, tuple[Callable[[], bytes], tuple[int, ...], tuple[int, ...], int]] = {
    "PNG, 2 bits, white opaque": (lambda: grey_png(2, 3, 1, 1), WHITE, WHITE, 0),
    "PNG, 2 bits, a key of another grey": (lambda: grey_png(2, 2, 1, 3), (170,) * 3, (85,) * 3, 0),
    "PNG, 4 bits": (lambda: grey_png(4, 5, 9, 5), WHITE, (153,) * 3, 0),
    "PNG, 16 bits of grey, a key": (
        lambda: png(
            WIDTH,
            HEIGHT,
            16,
            0,
            halves(struct.pack(">H", 40_000), struct.pack(">H", 40_001)),
            (b"tRNS", struct.pack(">H", 40_000)),
        ),
        WHITE,
        (156,) * 3,
        0,
    ),
    "PNG, 16 bits of colour, a key": (
        lambda: png(WIDTH, HEIGHT, 16, 2, halves(KEYED_16, NEARLY_16), (b"tRNS", KEYED_16)),
        WHITE,
        (4, 8, 12),
        0,
    ),
    "PNG, 3 MB of text": (
        lambda: png(
            WIDTH,
            HEIGHT,
            8,
            2,
            halves(bytes(RED), bytes(BLUE)),
            (b"zTXt", b"k\0\0" + zlib.compress(bytes(3_000_000))),
            (b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(3_000_000))),
        ),
        RED,
        BLUE,
        0,
    ),
    "BMP, runs of 4 bits": (rle4, RED, BLUE, 0),
    "BMP, masks of 4 bits": (
        lambda: bmp(
            16,
            3,
            (struct.pack("<H", 0x0F00) * HALF + struct.pack("<H", 0x000F) * HALF) * HEIGHT,
            struct.pack("<III", 0x0F00, 0x00F0, 0x000F),
        ),
        (255, 0, 0),
        (0, 0, 255),
        0,
    ),
    "BMP, masks of 5 and 6 bits": (
        lambda: bmp(
            16,
            3,
            (rgb565(RED) * HALF + rgb565(BLUE) * HALF) * HEIGHT,
            struct.pack("<III", 0xF800, 0x07E0, 0x001F),
        ),
        RED,
        BLUE,
        8,
    ),
    "BMP, opacity": (
        lambda: bmp(
            32,
            6,
            (bytes([*RED[::-1], 255]) * HALF + bytes([*BLUE[::-1], 100]) * HALF) * HEIGHT,
            struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        ),
        RED,
        over_white(BLUE, 100),
        1,
    ),
    "BMP, a fourth byte that is no opacity": (
        lambda: bmp(32, 0, (bytes([*RED[::-1], 0]) * HALF + bytes([*BLUE[::-1], 7]) * HALF) * HEIGHT),
        RED,
        BLUE,
        0,
    ),
    "BMP, a JPEG file inside": (lambda: bmp(0, 4, encode(picture(), "JPEG", quality=95)), RED, BLUE, 6),
    "GIF, a canvas that is not covered": (gif_of_part, RED, WHITE, 0),
    "TIFF, planes of 16 bits": (
        lambda: written_tiff(turned(samples(RGB_16, BLUE_16, "<u2")), photometric="rgb", planarconfig="separate"),
        RED,
        BLUE,
        0,
    ),
    "TIFF, planes of 16 bits, big-endian tiles": (
        lambda: written_tiff(
            turned(samples(RGB_16, BLUE_16, ">u2")),
            photometric="rgb",
            planarconfig="separate",
            tile=(16, 16),
            byteorder=">",
            compression="zlib",
            predictor=True,
        ),
        RED,
        BLUE,
        0,
    ),
    "TIFF, a colour map of 8 bits": (
        lambda: written_tiff(
            samples((0,), (1,), "u1")[..., 0],
            photometric="palette",
            colormap=np.array([RED, BLUE, *[BLACK] * 254], "u2").T,
        ),
        RED,
        BLUE,
        0,
    ),
    "TIFF, a colour map of 16 bits": (
        lambda: written_tiff(
            samples((0,), (1,), "u1")[..., 0],
            photometric="palette",
            colormap=np.array([RGB_16, BLUE_16, *[BLACK] * 254], "u2").T,
        ),
        RED,
        BLUE,
        0,
    ),
    "TIFF, white is 0 in 16 bits": (
        lambda: written_tiff(samples((0,), (65535 - 257 * 100,), "u2")[..., 0], photometric="miniswhite"),
        WHITE,
        (100,) * 3,
        0,
    ),
    "TIFF, colours of 32 bits": (
        lambda: written_tiff(samples(RGB_16 * 65537, BLUE_16 * 65537, "u4"), photometric="rgb"),
        RED,
        BLUE,
        0,
    ),
    "TIFF, colours multiplied with opacity": (
        lambda: written_tiff(
            samples((*RED, 255), (15, 30, 110, 128), "u1"), photometric="rgb", extrasamples=["assocalpha"]
        ),
        RED,
        (142, 157, 237),
        1,
    ),
    "TIFF, a channel that is no opacity": (
        lambda: written_tiff(samples((*RED, 9), (*BLUE, 0), "u1"), photometric="rgb", extrasamples=["unspecified"]),
        RED,
        BLUE,
        0,
    ),
    "TIFF, subsampled JPEG": (
        lambda: written_tiff(
            np.asarray(picture("YCbCr")), photometric="ycbcr", compression="jpeg", subsampling=(2, 2)
        ),
        RED,
        BLUE,
        8,
    ),
    "BigTIFF": (lambda: written_tiff(np.asarray(picture()), photometric="rgb", bigtiff=True), RED, BLUE, 0),
    "JPEG 2000, luma and chroma in another order": (ycbcr_jp2, RED, BLUE, 2),
    "JPEG 2000, opacity": (lambda: encode(with_alpha(picture(), 0), "JPEG2000"), RED, WHITE, 0),
    "JPEG 2000, a palette": (
        lambda: jp2_with(
            encode(picture().convert("L").point(lambda value: value > 80), "JPEG2000"),
            b"\1\0\0" + struct.pack(">I", 16),
            box(b"pclr", struct.pack(">HBBBB", 2, 3, 7, 7, 7) + bytes([*BLUE, *RED])),
            box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3))),
        ),
        RED,
        BLUE,
        0,
    ),
    "JPEG 2000, no file around it": (lambda: encode(picture(), "JPEG2000", no_jp2=True), RED, BLUE, 0),
    "WebP, grey": (lambda: encode(picture("L"), "WEBP", lossless=True), GREY_RED, GREY_BLUE, 0),
    "AVIF, upside down": (
        lambda: avif_with(encode(picture(), "AVIF", quality=95), box(b"irot", b"\2")),
        BLUE,
        RED,
        10,
    ),
    "AVIF, mirrored": (
        lambda: avif_with(encode(picture(), "AVIF", quality=95), box(b"imir", b"\1")),
        BLUE,
        RED,
        10,
    ),
    "TGA, a fourth channel that is no opacity": (
        lambda: (
            struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, WIDTH, HEIGHT, 32, 0x20)
            + (bytes([*RED[::-1], 0]) * HALF + bytes([*BLUE[::-1], 0]) * HALF) * HEIGHT
        ),
        RED,
        BLUE,
        0,
    ),
    "ICO, a deep PNG inside": (
        lambda: (
            struct.pack("<HHHBBBBHHII", 0, 1, 1, WIDTH, HEIGHT, 0, 0, 1, 48, 10**6, 22)
            + png(WIDTH, HEIGHT, 16, 2, halves(KEYED_16, NEARLY_16), (b"tRNS", KEYED_16))
        ),
        WHITE,
        (4, 8, 12),
        0,
    ),
}


@pytest.mark.parametrize(("make", "left", "right", "tolerance"), ODD.values(), ids=ODD)
def test_odd_files(make: Callable[[], bytes], left, right, tolerance: int) -> None:
    assert_halves(load_image(make()), left, right, tolerance)


def test_what_runs_leave_out_is_white() -> None:
    jump = bytes([0, 2, HALF, 0])
    image = load_image(rle4(jump + bytes([HALF, 0x22])))
    assert (image.getpixel((0, 0)), image.getpixel((WIDTH - 1, 0)), image.getpixel((0, 1))) == (WHITE, BLUE, RED)


def test_a_clean_aperture() -> None:
    """The lower right quarter: its centre is 12 columns and 8 rows from the picture's."""
    aperture = struct.pack(">IIIIiIiI", 24, 1, 16, 1, 12, 1, 8, 1)
    image = picture()
    image.paste(WHITE, (0, 0, WIDTH, HEIGHT // 2))
    clipped = load_image(avif_with(encode(image, "AVIF", quality=95), box(b"clap", aperture)))
    assert clipped.size == (24, 16)
    assert np.abs(np.asarray(clipped, int)[4:, 4:] - BLUE).max() < 20


def test_an_aperture_outside_of_the_picture_is_ignored() -> None:
    aperture = struct.pack(">IIIIiIiI", WIDTH, 1, HEIGHT, 1, 30, 1, 0, 1)
    assert load_image(avif_with(encode(picture(), "AVIF"), box(b"clap", aperture))).size == (WIDTH, HEIGHT)


def test_a_heic_file() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(file, quality=95)
    assert_halves(load_image(file.getvalue()), RED, BLUE, 10)


def test_a_jpeg_xl_file() -> None:
    pytest.importorskip("pillow_jxl")
    assert_halves(load_image(encode(picture(), "JXL", lossless=True)), RED, BLUE, 0)


def test_jpegs_are_decoded_at_a_fraction_of_their_size() -> None:
    """A phone's photo of 48 megapixels."""
    image = load_image(encode(picture("L", 8064, 6048), "JPEG"))
    assert image.size == (2016, 1512)
    assert image.getpixel((10, 10)) == pytest.approx(GREY_RED, abs=3)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "GIF", "WEBP"])
def test_large_pictures_are_reduced(format: str) -> None:
    """A panorama: 17 megapixels become 4."""
    image = load_image(encode(picture("L", 16_000, 1063), format))
    assert image.size == (8000, 532)
    assert image.getpixel((10, 10)) == pytest.approx(GREY_RED, abs=6)


def test_jpeg_2000_is_decoded_at_a_fraction_of_its_size() -> None:
    image = load_image(encode(picture("L", 4000, 3000), "JPEG2000"))
    assert image.size == (2000, 1500)
    assert image.getpixel((10, 10)) == pytest.approx(GREY_RED, abs=3)
