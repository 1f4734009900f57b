"""Picture files drawn in code: those that programs write, and odd ones that none of ours does."""

import io
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from percov2_demo.errors import ImageError
from percov2_demo.images import load_image
from percov2_demo.images.boxes import boxes


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


def assert_refused(source: object, message: str | None = None, kind: type[ImageError] = ImageError) -> None:
    """The front door says no in one sentence, which names no path."""
    with pytest.raises(kind, match=message) as caught:
        load_image(source)
    assert re.fullmatch(r"[A-Z][^\n/]{10,150}\.", str(caught.value))


def tiff(tags: dict[int, tuple[int, int, int]], strip: bytes) -> bytes:
    """A TIFF file of kinds that no library writes, in one strip; values are those of the tags' own places."""
    place = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags = {**tags, 273: (4, 1, place), 279: (4, 1, len(strip))}
    entries = b"".join(struct.pack("<HHII", number, *tags[number]) for number in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + strip


def grey_tiff(compression: int = 1, photometric: int = 1) -> bytes:
    """A TIFF file of 8-bit grey that claims to be something else."""
    tags = {256: WIDTH, 257: HEIGHT, 258: 8, 259: compression, 262: photometric, 277: 1, 278: HEIGHT}
    return tiff({number: (3, 1, value) for number, value in tags.items()}, bytes(WIDTH * HEIGHT))


def written_tiff(samples: np.ndarray, **options: object) -> bytes:
    """A TIFF file of any layout, by tifffile."""
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def samples(left: tuple[float, ...], right: tuple[float, ...], dtype: object) -> np.ndarray:
    """One colour on the left, another on the right, (height, width, channels)."""
    array = np.empty((HEIGHT, WIDTH, len(left)), dtype)
    array[:, : WIDTH // 2], array[:, WIDTH // 2 :] = left, right
    return array


def bmp(bits: int, compression: int, pixels: bytes, after_head: bytes = b"", head: bytes = b"") -> bytes:
    """A BMP file of kinds that Pillow does not write.

    Args:
        bits: Of a pixel.
        compression: Its number.
        pixels: Rows from the bottom.
        after_head: Masks or palette.
        head: What the head has beyond its first 40 bytes.
    """
    start = 14 + 40 + len(head) + len(after_head)
    info = struct.pack("<IiiHHIIiiII", 40 + len(head), WIDTH, HEIGHT, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info + head + after_head + pixels


def box(kind: bytes, content: bytes) -> bytes:
    """A box of AVIF, JPEG 2000 and others."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def jp2_with(data: bytes, colr: bytes, *more: bytes) -> bytes:
    """A JPEG 2000 file with other boxes of colour.

    Args:
        data: A file of Pillow's.
        colr: Content of its box of colour.
        more: Further boxes beside it.
    """
    start, end = data.index(b"jp2h") - 4, data.index(b"jp2c") - 4
    ihdr = data[start + 8 : start + 30]
    assert ihdr[4:8] == b"ihdr"
    return data[:start] + box(b"jp2h", ihdr + box(b"colr", colr) + b"".join(more)) + data[end:]


def avif_with(data: bytes, *properties: bytes) -> bytes:
    """An AVIF file of Pillow's (one picture without opacity) with more properties, given as boxes."""
    added = b"".join(properties)
    names = bytes(0x80 | (_count_boxes(data) + 1 + index) for index in range(len(properties)))
    ipma = data.index(b"ipma")
    count = ipma + 4 + 4 + 4 + 2
    data = data[:count] + bytes([data[count] + len(names)]) + data[count + 1 :]
    end = count + 1 + data[count] - len(names)
    data = data[:end] + names + data[end:]
    data = _grown(data, b"ipma", len(names))
    end = ipma - 4
    data = data[:end] + added + data[end:]
    data = _grown(data, b"ipco", len(added))
    growth = len(added) + len(names)
    data = _grown(_grown(data, b"iprp", growth), b"meta", growth)
    # The only place in `iloc` that points into the file.
    extent = data.index(b"iloc") + 4 + 4 + 2 + 2 + 2 + 2 + 2
    (place,) = struct.unpack_from(">I", data, extent)
    return data[:extent] + struct.pack(">I", place + growth) + data[extent + 4 :]


def _count_boxes(data: bytes) -> int:
    start = data.index(b"ipco") + 4
    (length,) = struct.unpack_from(">I", data, start - 8)
    return len(list(boxes(data[start : start + length - 8])))


def _grown(data: bytes, kind: bytes, growth: int) -> bytes:
    place = data.index(kind) - 4
    (length,) = struct.unpack_from(">I", data, place)
    return data[:place] + struct.pack(">I", length + growth) + data[place + 4 :]


def nclx(primaries: int, transfer: int) -> Callable[[bytes], bytes]:
    """Makes the code points of an AVIF file of Pillow's others."""

    def changed(data: bytes) -> bytes:
        place = data.index(b"nclx") + 4
        return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]

    return changed
