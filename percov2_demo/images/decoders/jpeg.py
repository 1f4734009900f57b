"""JPEG (ITU-T T.81), by Pillow (libjpeg-turbo), at a fraction of its size where it is large.

Segments are read here and Pillow (12.3) gets those alone that decoding needs: it reads comments and EXIF more often
than once, and takes an orientation from XMP.
"""

import io
import struct
from collections.abc import Iterator

from PIL import Image

from percov2_demo.images.colour import MAX_PROFILE_BYTES
from percov2_demo.images.decoders.pillow import FULL_COLOUR_BYTES
from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.geometry import exif_orientation
from percov2_demo.images.limits import MAX_PIXELS, check_size
from percov2_demo.images.raster import Raster, raster_of_image


_START_OF_SCAN, _END = 0xDA, 0xD9
_WITHOUT_CONTENT = {0x01, 0xD8, *range(0xD0, 0xD8)}
_EXIF_OR_XMP, _PROFILE_OR_OTHERS = 0xE1, 0xE2
_NOT_FOR_DECODING = {*range(0xE1, 0xF0), 0xFE} - {0xEE}
"""Comments and application data but JFIF's and Adobe's, which tell how colours are coded."""

_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_PROGRESSIVE = {0xC2, 0xCA}
_HUFFMAN_CODED = {0xC0, 0xC1, 0xC2}
_OTHER_FRAMES = {
    0xC3: "Lossless JPEG files",
    0xC7: "Lossless JPEG files",
    0xCB: "Lossless JPEG files",
    0xCF: "Lossless JPEG files",
    0xC5: "Hierarchical JPEG files",
    0xC6: "Hierarchical JPEG files",
    0xCD: "Hierarchical JPEG files",
    0xCE: "Hierarchical JPEG files",
    0xF7: "JPEG-LS files",
}
_BLOCK_PIXELS = 64
_COEFFICIENT_BYTES = 2
_SCALES = (1, 2, 4, 8)


def decode(data: bytes) -> Raster:
    """Read a JPEG file; of several pictures, the first."""
    kept, exif = [b"\xff\xd8"], b""
    profile: dict[bytes, bytes] = {}
    frame = None
    for marker, segment, place in _segments(data):
        content = segment[4:]
        if marker == _START_OF_SCAN:
            kept.append(data[place:])
            break
        if marker in _OTHER_FRAMES:
            raise UnsupportedImage.of(_OTHER_FRAMES[marker])
        if marker in _FRAMES:
            frame = _Frame(marker, content)
        elif marker == _EXIF_OR_XMP and content.startswith(b"Exif\0\0"):
            exif = exif or content
        elif marker == _PROFILE_OR_OTHERS and content.startswith(b"ICC_PROFILE\0"):
            profile.setdefault(content[12:13], content[14:])
        if marker not in _NOT_FOR_DECODING:
            kept.append(segment)
    else:
        raise DamagedImage
    if frame is None:
        raise DamagedImage
    width, height = frame.size
    if frame.is_huffman_coded and width * height / _BLOCK_PIXELS > 8 * len(data):
        raise DamagedImage  # Less than a bit for each block: the decoder would fill blocks for ever.
    scale = next((scale for scale in _SCALES if width * height / scale**2 <= MAX_PIXELS), _SCALES[-1])
    check_size(frame.size, FULL_COLOUR_BYTES / scale**2 + frame.coefficient_bytes(first_scan=content))
    image = Image.open(io.BytesIO(b"".join(kept)), formats=("JPEG",))
    image.draft(None, (width // scale, height // scale))
    image.load()
    joined = b"".join(part for _, part in sorted(profile.items()))[:MAX_PROFILE_BYTES]
    return raster_of_image(image, joined or None, exif_orientation(exif))


class _Frame:
    """A frame header.

    Args:
        marker: Its marker.
        content: What follows its length.

    Raises:
        DamagedImage: It is cut short.
        UnsupportedImage: Its samples are not of 8 bits, or there are two channels or more than four.
    """

    def __init__(self, marker: int, content: bytes):
        try:
            depth, height, width, channels = struct.unpack_from(">BHHB", content)
            factors = [(content[7 + 3 * index] >> 4, content[7 + 3 * index] & 15) for index in range(channels)]
        except (struct.error, IndexError) as error:
            raise DamagedImage from error
        if depth != 8:
            raise UnsupportedImage.of(f"JPEG files of {depth} bits a channel")
        if channels not in (1, 3, 4):
            raise UnsupportedImage.of(f"JPEG files with {channels} channels")
        if height == 0:
            raise UnsupportedImage.of("JPEG files that tell their height after their pixels")
        self.size = (width, height)
        self.is_huffman_coded = marker in _HUFFMAN_CODED
        self._progressive = marker in _PROGRESSIVE
        self._factors = factors

    def coefficient_bytes(self, first_scan: bytes) -> float:
        """Return what the decoder holds for each pixel until the last scan, if there are several.

        Args:
            first_scan: Content of the scan's header, of which the first byte counts its channels.
        """
        if not self._progressive and first_scan[:1] == bytes([len(self._factors)]):
            return 0
        across, down = max(a for a, _ in self._factors), max(d for _, d in self._factors)
        if not across * down:
            raise DamagedImage
        return _COEFFICIENT_BYTES * sum(a * d for a, d in self._factors) / (across * down)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, all bytes and place of each segment up to the first scan."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            place = data.find(b"\xff", place)  # As decoders do: what is between segments is skipped.
            if place < 0:
                return
            continue
        marker = data[place + 1]
        if marker in (0x00, 0xFF):
            place += 1
        elif marker in _WITHOUT_CONTENT:
            place += 2
        elif marker == _END:
            return
        else:
            (length,) = struct.unpack_from(">H", data, place + 2)
            yield marker, data[place : place + 2 + length], place
            place += 2 + max(length, 2)
