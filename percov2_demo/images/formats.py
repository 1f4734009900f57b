"""What a file is, by its first bytes, and who decodes it.

Which library reads what was chosen by three things: that it is right on everything tried or says that it cannot, that
there are wheels for Linux, macOS and Windows, and its licence. Pillow (MIT-CMU) reads JPEG, GIF, PPM, TGA and most of
PNG. imagecodecs and tifffile (BSD) read what Pillow gets wrong or gives in 8 bits: TIFF, JPEG 2000, AVIF, WebP, deep
PNG; and they convert colours in 16 bits. libvips would read most of it too, but neither BMP nor TGA nor ICO, and it is
the independent decoder that `tools/corpus.py` compares with. HEIC and JPEG XL are extras, see their modules.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from percov2_demo.errors import ImageError
from percov2_demo.images.decoders import bmp, gif, heif, ico, jpeg, jpeg2000, jxl, plain, png, tiff, webp
from percov2_demo.images.errors import UnsupportedImage
from percov2_demo.images.raster import Raster


@dataclass(frozen=True)
class Format:
    """A format that is read.

    Attributes:
        name: As people call it.
        looks_right: Tells by a file's bytes whether it is one.
        decode: Reads a file.
    """

    name: str
    looks_right: Callable[[bytes], bool]
    decode: Callable[[bytes], Raster]


def _starts(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(starts)


def _is_heif(known: set[bytes]) -> Callable[[bytes], bool]:
    return lambda data: bool(heif.brands(data) & known)


def _is_tga(data: bytes) -> bool:
    """TGA has no mark of its own: its head must make sense."""
    if len(data) < 18:
        return False
    has_map, kind, map_bits, bits, flags = data[1], data[2], data[7], data[16], data[17]
    if has_map > 1 or kind not in (1, 2, 3, 9, 10, 11) or flags & 0xC0:
        return False
    if kind in (1, 9):
        return has_map == 1 and map_bits in (15, 16, 24, 32) and bits == 8
    return map_bits in (0, 15, 16, 24, 32) and bits in ((1, 8, 16) if kind in (3, 11) else (15, 16, 24, 32))


FORMATS = (
    Format("PNG", _starts(png.SIGNATURE), png.decode),
    Format("JPEG", _starts(b"\xff\xd8\xff"), jpeg.decode),
    Format("WebP", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", webp.decode),
    Format("AVIF", _is_heif(heif.AVIF_BRANDS), heif.decode_avif),
    Format("HEIC", _is_heif(heif.HEIC_BRANDS), heif.decode_heic),
    Format("GIF", _starts(b"GIF87a", b"GIF89a"), gif.decode),
    Format("BMP", _starts(b"BM"), bmp.decode),
    Format("TIFF", _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), tiff.decode),
    Format("JPEG 2000", _starts(b"\0\0\0\x0cjP  \r\n\x87\n", jpeg2000.CODESTREAM), jpeg2000.decode),
    Format("JPEG XL", _starts(b"\0\0\0\x0cJXL \r\n\x87\n", jxl.CODESTREAM), jxl.decode),
    Format("PPM", lambda data: re.match(rb"P([1-7fF])[\s#]", data) is not None, plain.decode_ppm),
    Format("ICO", _starts(b"\0\0\1\0"), ico.decode),
    Format("TGA", _is_tga, plain.decode_tga),
)
"""In the order in which they are tried."""

_OTHERS: tuple[tuple[str, bytes], ...] = (
    ("Photoshop files", rb"8BPS"),
    ("GIMP files", rb"gimp xcf"),
    ("PDF documents", rb"%PDF"),
    ("PostScript files", rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("SVG drawings", rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]"),
    ("Windows metafiles", rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF"),
    ("OpenEXR pictures", rb"v/1\x01"),
    ("Radiance HDR pictures", rb"#\?(RADIANCE|RGBE)"),
    ("DirectDraw surfaces", rb"DDS "),
    ("KTX textures", rb"\xabKTX "),
    ("DICOM pictures", rb".{128}DICM"),
    ("FITS pictures", rb"SIMPLE  ="),
    ("JPEG XR pictures", rb"II\xbc[\0\x01]"),
    ("QOI pictures", rb"qoif"),
    ("Farbfeld pictures", rb"farbfeld"),
    ("SGI pictures", rb"\x01\xda[\0\x01][\x01\x02]"),
    ("PCX pictures", rb"\n[\0\x02\x03\x04\x05]\x01[\x01\x02\x04\x08]"),
    ("macOS icons", rb"icns"),
    ("Windows cursors", rb"\0\0\x02\0[^\0]"),
    ("BPG pictures", rb"BPG\xfb"),
    ("FLIF pictures", rb"FLIF"),
    ("DjVu documents", rb"AT&TFORM"),
    ("MNG animations", rb"\x8aMNG|\x8bJNG"),
    ("FLIC animations", rb".{4}[\x11\x12]\xaf"),
    ("Sun raster pictures", rb"\x59\xa6\x6a\x95"),
    ("XPM pictures", rb"/\* XPM \*/"),
    ("Interchange files", rb"FORM....(ILBM|PBM )"),
    ("Camera raw files", rb"FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|\0MRM|....ftypcrx "),
    ("Pictures of this HEIF kind", rb"....ftyp(avci|avcs|j2ki|j2is|jpeg|jpgs|mif1|msf1|mif2|vvic|evbi)"),
    ("PAM pictures", rb"P7[\s#]"),
)
"""Names of what is no damaged file but one of a format that is not read, and how such files begin."""

_NO_PICTURES: tuple[tuple[str, bytes], ...] = (
    ("a video", rb"....(ftyp|moov|mdat|wide)|\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01\xba|\0\0\x01\xb3|FLV\x01"),
    ("a web page", rb"\s*<(!doctype html|html|head|body)[\s>]"),
    ("an archive or an office document", rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b"),
)

_NOT_A_PICTURE = (
    "This is not a picture that can be read here: choose a JPEG, PNG, WebP, AVIF, GIF, BMP, TIFF or JPEG 2000 file."
)


def find_format(data: bytes) -> Format:
    """Find the format of a file by its first bytes.

    Raises:
        UnsupportedImage: It is of a known format that is not read here.
        ImageError: It is no picture.
    """
    for format in FORMATS[:-1]:
        if format.looks_right(data):
            return format
    start = data[:1024]
    for kind, pattern in _OTHERS:
        if re.match(pattern, start, re.DOTALL):
            raise UnsupportedImage.of(kind)
    for kind, pattern in _NO_PICTURES:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            raise ImageError(f"This is {kind}, not a picture: choose a JPEG, PNG, WebP, AVIF or TIFF file.")
    if FORMATS[-1].looks_right(data):
        return FORMATS[-1]
    raise ImageError(_NOT_A_PICTURE)
