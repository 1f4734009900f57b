"""The three kinds of no: damaged, sound but not readable here, too large; and what is no picture at all."""

import struct
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images import DamagedImage, ImageTooLarge, UnsupportedImage, load_image
from percov2_demo.images.decoders import heif, jxl
from percov2_demo.images.reading import read_picture
from tests.images.files import (
    HEIGHT,
    WIDTH,
    assert_refused,
    bmp,
    box,
    encode,
    grey_tiff,
    halves,
    jp2_with,
    orientation,
    picture,
    png,
    samples,
    written_tiff,
)


# Damaged


DAMAGED: dict[str, Callable[[], bytes]] = {
    "PNG, its head alone": lambda: encode(picture(), "PNG")[:33],
    "PNG, a head that says nothing": lambda: png(WIDTH, HEIGHT, 8, 7, b"\0"),
    "PNG, a wrong sum": lambda: encode(picture(), "PNG")[:-13] + b"\0" + encode(picture(), "PNG")[-12:],
    "PNG, a byte too many": lambda: encode(picture(), "PNG").replace(b"IDAT", b"IDAT\0", 1),
    "JPEG, no scan": lambda: encode(picture(), "JPEG").partition(b"\xff\xda")[0],
    "JPEG, sides that its bytes cannot fill": lambda: encode(picture(), "JPEG").replace(
        struct.pack(">HH", HEIGHT, WIDTH), struct.pack(">HH", 65_000, 65_000)
    ),
    "WebP": lambda: encode(picture(), "WEBP")[:60],
    "AVIF": lambda: encode(picture(), "AVIF")[:-40],
    "GIF": lambda: encode(picture(), "GIF")[:100],
    "BMP": lambda: encode(picture(), "BMP")[:-100],
    "BMP, runs without an end": lambda: bmp(8, 1, bytes([9, 1]) * 3, bytes(1024)),
    "TIFF": lambda: encode(picture(), "TIFF")[:400],
    "TIFF, a colour map that is missing": lambda: grey_tiff(photometric=3),
    "JPEG 2000": lambda: encode(picture(), "JPEG2000")[:150],
    "JPEG 2000, no codestream": lambda: encode(picture(), "JPEG2000").partition(b"jp2c")[0],
    "PPM": lambda: encode(picture(), "PPM")[:-1],
    "ICO": lambda: encode(picture(), "ICO", sizes=[(WIDTH, HEIGHT)])[:-100],
    "TGA": lambda: encode(picture(), "TGA")[:200],
}


@pytest.mark.parametrize("make", DAMAGED.values(), ids=DAMAGED)
def test_damaged(make: Callable[[], bytes]) -> None:
    assert_refused(make(), "damaged or incomplete", DamagedImage)


# Sound, but not readable here


def with_frame(marker: int, depth: int = 8) -> bytes:
    """A JPEG file that claims another process or depth."""
    data = encode(picture(), "JPEG")
    place = data.index(b"\xff\xc0")
    return data[:place] + bytes([0xFF, marker]) + data[place + 2 : place + 4] + bytes([depth]) + data[place + 5 :]


def heif_file(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0] + bytes(4) + b"".join(brands[1:])) + bytes(200)


def enumerated(space: int) -> bytes:
    return b"\1\0\0" + struct.pack(">I", space)


UNSUPPORTED: dict[str, tuple[bytes, str]] = {
    "PNG, narrow range": (
        png(WIDTH, HEIGHT, 8, 2, halves(b"\1\2\3", b"\4\5\6"), (b"cICP", bytes([1, 1, 0, 0]))),
        "narrow range",
    ),
    "PNG, a critical extension": (
        png(WIDTH, HEIGHT, 8, 2, halves(b"\1\2\3", b"\4\5\6"), (b"ABCD", b"")),
        "critical extensions",
    ),
    "JPEG, 12 bits": (with_frame(0xC1, 12), "12 bits"),
    "JPEG, lossless": (with_frame(0xC3), "Lossless JPEG"),
    "JPEG, hierarchical": (with_frame(0xC5), "Hierarchical JPEG"),
    "JPEG-LS": (with_frame(0xF7), "JPEG-LS"),
    "BMP, 64 bits": (bmp(64, 0, bytes(8 * WIDTH * HEIGHT)), "BMP files of 64 bits"),
    "TIFF, signed colours": (
        written_tiff(samples((1, 2, 3), (4, 5, 6), "i2"), photometric="rgb"),
        "signed samples",
    ),
    "TIFF, signed grey of 8 bits": (written_tiff(samples((-1,), (5,), "i1")[..., 0]), "signed samples"),
    "TIFF, colours in floating point": (
        written_tiff(samples((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "f4"), photometric="rgb"),
        "floating point that name no profile",
    ),
    "TIFF, complex numbers": (written_tiff(samples((1j,), (2j,), "c8")[..., 0]), "complex"),
    "TIFF, five bands": (
        written_tiff(samples((1,) * 5, (2,) * 5, "u1"), photometric="minisblack", planarconfig="contig"),
        "5 bands",
    ),
    "TIFF, five inks": (
        written_tiff(samples((1,) * 5, (2,) * 5, "u1"), photometric="separated", extratags=[(332, "H", 1, 2, True)]),
        "other inks",
    ),
    "TIFF, LogL": (grey_tiff(photometric=32844), "logarithmic light"),
    "TIFF, a camera's sensor": (grey_tiff(photometric=32803), "Camera raw"),
    "TIFF, an unknown compression": (grey_tiff(compression=34661), "layout or compression"),
    "TIFF, DNG": (
        written_tiff(np.asarray(picture()), photometric="rgb", extratags=[(50706, "B", 4, (1, 4, 0, 0), True)]),
        "Camera raw",
    ),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), "Camera raw"),
    "JPEG 2000, CIELab": (jp2_with(encode(picture(), "JPEG2000"), enumerated(14)), "colour space 14"),
    "JPEG 2000, a vendor's colours": (jp2_with(encode(picture(), "JPEG2000"), b"\4\0\0" + bytes(20)), "method 4"),
    "PAM": (b"P7\nWIDTH 48\n", "PAM"),
    "HEIF of JPEG": (heif_file(b"mif1", b"jpeg"), "HEIF"),
    "PSD": (b"8BPS\0\1" + bytes(100), "Photoshop"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="64"/>', "SVG"),
    "PDF": (b"%PDF-1.7\n", "PDF"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    "OpenEXR": (b"v/1\1" + bytes(100), "OpenEXR"),
    "Radiance": (b"#?RADIANCE\n", "Radiance"),
    "DDS": (b"DDS " + bytes(124), "DirectDraw"),
    "DICOM": (bytes(128) + b"DICM", "DICOM"),
    "JPEG XR": (b"II\xbc\1" + bytes(100), "JPEG XR"),
    "CR3": (box(b"ftyp", b"crx \0\0\0\1crx isom"), "Camera raw"),
    "cursor": (struct.pack("<HHH", 0, 2, 1) + bytes(100), "cursors"),
}


@pytest.mark.parametrize(("data", "name"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_unsupported(data: bytes, name: str) -> None:
    assert_refused(data, f"{name}.* cannot be read here: save the picture", UnsupportedImage)


@pytest.mark.parametrize(
    ("decode", "data", "package"),
    [
        (heif.decode_heic, heif_file(b"heic", b"mif1", b"heic"), "pillow-heif"),
        (jxl.decode, jxl.CODESTREAM + bytes(20), "pillow-jxl-plugin"),
    ],
    ids=["HEIC", "JPEG XL"],
)
def test_what_needs_a_package(monkeypatch: pytest.MonkeyPatch, decode, data: bytes, package: str) -> None:
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    monkeypatch.setattr(heif, "find_spec", lambda name: None)
    monkeypatch.setattr(jxl, "find_spec", lambda name: None)
    with pytest.raises(UnsupportedImage, match=f"install the package {package}"):
        decode(data)


@pytest.mark.parametrize("brands", [(b"heic", b"mif1"), (b"mif1", b"heic"), (b"hevc", b"msf1")])
def test_heic_is_told_by_any_of_its_brands(brands: tuple[bytes, ...]) -> None:
    """Not as something that is no picture, whether its package is here or not."""
    with pytest.raises((UnsupportedImage, DamagedImage)):
        load_image(heif_file(*brands))


# Too large


MANY = 100_000

TOO_LARGE: dict[str, bytes] = {
    "PNG": png(MANY, MANY, 8, 2, b"\0"),
    "PNG, 16 bits": png(10_000, 10_000, 16, 6, b"\0"),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6) + b"," + bytes(20),
    "BMP": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "PPM": b"P6 70000 70000 255\n",
    "TGA": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 60_000, 60_000, 24, 0),
    "JPEG, several scans": encode(picture(), "JPEG", progressive=True).replace(
        struct.pack(">HH", HEIGHT, WIDTH), struct.pack(">HH", 16_000, 16_000)
    )
    + bytes(10**6),
    "WebP": encode(picture(), "WEBP", exif=orientation(1)).replace(
        struct.pack("<I", WIDTH - 1)[:3] + struct.pack("<I", HEIGHT - 1)[:3], struct.pack("<I", 16_000)[:3] * 2
    ),
    "TIFF": grey_tiff().replace(struct.pack("<HHII", 256, 3, 1, WIDTH), struct.pack("<HHII", 256, 4, 1, 2**31)),
    "JPEG 2000": encode(picture(), "JPEG2000").replace(
        struct.pack(">IIII", WIDTH, HEIGHT, 0, 0), struct.pack(">IIII", 2**30, 2**30, 0, 0)
    ),
    "AVIF": encode(picture(), "AVIF").replace(
        b"ispe" + struct.pack(">III", 0, WIDTH, HEIGHT), b"ispe" + struct.pack(">III", 0, 60_000, 60_000)
    ),
    "JPEG XL": jxl.CODESTREAM + (1 << 1 | 0).to_bytes(1, "little") + b"\xff" * 20,
    "icon with a PNG file": struct.pack("<HHHBBBBHHII", 0, 1, 1, 64, 64, 0, 0, 1, 32, 10**6, 22)
    + png(MANY, MANY, 8, 2, b"\0"),
}


@pytest.mark.parametrize("data", TOO_LARGE.values(), ids=TOO_LARGE)
def test_too_large_by_the_head(data: bytes) -> None:
    """Nothing is decoded, and the limit is told."""
    start = time.monotonic()
    with pytest.raises(ImageTooLarge, match=r"too large: it has .* megapixels, and .* may have .* megapixels at most"):
        load_image(data)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 64), (64, 15), (8000, 15)])
def test_too_small(width: int, height: int) -> None:
    assert_refused(encode(Image.new("L", (width, height)), "PNG"), "at least 16 pixels")


@pytest.mark.parametrize(("width", "height"), [(16, 16), (16, 20_000), (20_000, 16), (17, 4999)])
def test_extreme_sides_are_read(width: int, height: int) -> None:
    assert load_image(encode(Image.new("L", (width, height)), "PNG")).size == (width, height)


# No picture


FOREIGN = {
    "text": (b"an old castle\n" * 50, "not a picture that can be read"),
    "HTML": (b"<!doctype html><html><body>404</body></html>", "a web page, not a picture"),
    "ZIP": (b"PK\x03\x04" + bytes(200), "an archive or an office document, not a picture"),
    "video": (box(b"ftyp", b"mp42\0\0\0\0mp42isom") + bytes(200), "a video, not a picture"),
    "stream": (bytes.fromhex("002c8e6a") + bytes(range(64)), "not a picture that can be read"),
    "zeros": (bytes(1000), "not a picture that can be read"),
}


@pytest.mark.parametrize(("data", "message"), FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_picture(data: bytes, message: str) -> None:
    assert_refused(data, message)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"\xff\xd8\xff", b"P6 "]), st.binary())
def test_random_bytes_are_no_picture(prefix: bytes, data: bytes) -> None:
    with pytest.raises(ImageError):
        read_picture(prefix + data)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.data())
def test_boxes_of_any_bytes_are_no_picture(data: st.DataObject) -> None:
    """AVIF and JPEG 2000 whose boxes of colour and of properties were changed: a picture or an `ImageError`."""
    file = bytearray(data.draw(st.sampled_from([AVIF, JP2])))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(12, min(len(file), 400) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageError):
        assert read_picture(bytes(file)).mode == "RGB"


AVIF = encode(picture(), "AVIF")
JP2 = encode(picture(), "JPEG2000")
