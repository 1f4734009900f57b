"""AVIF, by imagecodecs (libavif), and HEIC, by pillow-heif (libheif) where it is installed.

What a file says of its colours and of how the picture lies is read from its boxes (ISO/IEC 23008-12): Pillow's AVIF
(12.3) sees neither nclx nor the clean aperture and gives 8 bits of HDR. pillow-heif is an extra, for it carries an
HEVC encoder under the GPL, and patents on HEVC are held in some countries; libheif has turned and clipped by itself.
"""

import contextlib
import io
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
from PIL import Image

from percov2_demo.images.boxes import Box, boxes, find
from percov2_demo.images.colour import MAX_PROFILE_BYTES, Cicp
from percov2_demo.images.decoders.av1 import colours_of_sequence
from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.limits import check_size
from percov2_demo.images.raster import Raster, raster_of_samples


AVIF_BRANDS = {b"avif", b"avis"}
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
GENERAL_BRANDS = {b"mif1", b"msf1", b"mif2", b"miaf"}

_PIXEL_BYTES = 14
"""Planes of 16 bits and RGB of 16 bits, both of four channels at most; and what the decoder keeps for its filters."""

_HEIC_PIXEL_BYTES = 6


def brands(data: bytes) -> set[bytes]:
    """List the brands that a file names in its first box; none if it is no such file."""
    first = next(iter(boxes(data[: 2**12])), None)
    if first is None or first.kind != b"ftyp":
        return set()
    content = first.content
    return {content[:4], *(content[place : place + 4] for place in range(8, len(content) - 3, 4))}


def decode_avif(data: bytes) -> Raster:
    """Read an AVIF file; of an animation, the first frame."""
    import imagecodecs

    properties = _Properties.read(data)
    if properties.size:
        check_size(properties.size, _PIXEL_BYTES if properties.depth > 8 else _PIXEL_BYTES / 2)
    is_animation = b"avis" in brands(data)
    samples = _first_frame(data) if is_animation else imagecodecs.avif_decode(data, index=0, numthreads=1)
    samples = samples[..., None] if samples.ndim == 2 else samples
    depth = 8 if samples.dtype == np.uint8 else properties.depth
    check_size(samples.shape[1::-1], 0.1)
    channels = samples.shape[-1]
    return raster_of_samples(
        properties.turn(samples),
        "L" if channels < 3 else "RGB",
        bounds=(0, 2**depth - 1),
        alpha="straight" if channels in (2, 4) else None,
        profile=properties.profile,
        cicp=properties.cicp,
    )


def _first_frame(data: bytes) -> np.ndarray:
    """Samples of 8 bits of an animation's first frame, by Pillow: imagecodecs (2026.3) crashes on some."""
    image = Image.open(io.BytesIO(data), formats=("AVIF",))
    check_size(image.size, _PIXEL_BYTES)
    image.load()
    return np.asarray(image)


def decode_heic(data: bytes) -> Raster:
    """Read a HEIC file, where `pillow_heif` is installed."""
    if find_spec("pillow_heif") is None:
        raise UnsupportedImage.of(
            "HEIC pictures", "save the picture as a JPEG file, or install the package pillow-heif beside this program"
        )
    import pillow_heif

    file = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    picture = file[file.primary_index]
    properties = _Properties.read(data)
    is_deep = ";16" in picture.mode
    check_size(picture.size, _HEIC_PIXEL_BYTES * (1 + is_deep))
    samples = np.asarray(picture)
    channels = 1 if samples.ndim == 2 else samples.shape[-1]
    return raster_of_samples(
        samples,
        "L" if channels < 3 else "RGB",
        bounds=(0, 65535 if is_deep else 255),
        alpha=("premultiplied" if picture.premultiplied_alpha else "straight") if picture.has_alpha else None,
        profile=properties.profile,
        cicp=properties.cicp,
    )


@dataclass
class _Properties:
    """What a file says of its main picture.

    Attributes:
        size: Width and height in pixels before it is clipped and turned, where the file says them.
        depth: Bits of a sample.
        profile: ICC profile.
        cicp: What samples mean where there is no profile.
        av1: The units of AV1 that are repeated in a box; None of a picture that is not AV1.
        transformations: Boxes of clipping, rotation and mirroring in their order.
    """

    size: tuple[int, int] | None = None
    depth: int = 8
    profile: bytes | None = None
    cicp: Cicp | None = None
    av1: bytes | None = None
    transformations: list[Box] = field(default_factory=list)

    @classmethod
    def read(cls, data: bytes) -> "_Properties":
        properties = cls()
        try:
            for box in _boxes_of_picture(data):
                properties._add(box)
        except (struct.error, IndexError) as error:
            raise DamagedImage from error
        # Programs need not repeat the sequence's header in a box: it begins the pictures' own bytes as well.
        for units in (properties.av1, find(data, b"mdat") or b""):
            if units is not None and properties.av1 is not None and properties.cicp is None:
                with contextlib.suppress(EOFError):
                    properties.cicp = colours_of_sequence(units)
        if properties.cicp:
            peak = next((box for box in _boxes_of_picture(data) if box.kind == b"clli"), None)
            if peak:
                (light,) = struct.unpack_from(">H", peak.content)
                properties.cicp = Cicp(properties.cicp.primaries, properties.cicp.transfer, light or None)
        return properties

    def _add(self, box: Box) -> None:
        content = box.content
        if box.kind == b"ispe":
            self.size = struct.unpack_from(">II", content, 4)
        elif box.kind == b"pixi":
            self.depth = content[5]
        elif box.kind == b"av1C":
            self.depth = 8 if not content[2] & 0x40 else 12 if content[2] & 0x20 else 10
            self.av1 = content[4:]
        elif box.kind == b"colr" and content[:4] == b"nclx":
            self.cicp = Cicp(*struct.unpack_from(">HH", content, 4))
        elif box.kind == b"colr" and content[:4] in (b"prof", b"rICC"):
            self.profile = content[4 : 4 + MAX_PROFILE_BYTES]
        elif box.kind in (b"clap", b"irot", b"imir"):
            self.transformations.append(box)

    def turn(self, samples: np.ndarray) -> np.ndarray:
        """Clip, rotate and mirror the samples of a picture, without a copy."""
        for box in self.transformations:
            if box.kind == b"clap":
                samples = _clip(samples, box.content)
            elif box.kind == b"irot":
                samples = np.rot90(samples, box.content[0] & 3)
            else:
                samples = samples[:, ::-1] if box.content[0] & 1 else samples[::-1]
        return samples


def _clip(samples: np.ndarray, aperture: bytes) -> np.ndarray:
    """What is inside of a clean aperture (ISO/IEC 14496-12, 12.1.4); one that is no part of the picture is ignored."""
    numbers = struct.unpack(">IIIIiIiI", aperture[:32])
    if 0 in numbers[1::2]:
        return samples
    width, height, across, down = (Fraction(*numbers[index : index + 2]) for index in range(0, 8, 2))
    left = across + Fraction(samples.shape[1] - 1, 2) - (width - 1) / 2
    top = down + Fraction(samples.shape[0] - 1, 2) - (height - 1) / 2
    inside = left >= 0 and left + width <= samples.shape[1] and top >= 0 and top + height <= samples.shape[0]
    if not inside or min(width, height) < 1 or any(side.denominator != 1 for side in (left, top, width, height)):
        return samples
    return samples[int(top) : int(top + height), int(left) : int(left + width)]


def _boxes_of_picture(data: bytes) -> list[Box]:
    """Property boxes of the main picture, in the order in which it names them."""
    meta = find(data, b"meta")
    if meta is None:
        return _boxes_of_track(data)
    meta = meta[4:]
    main = find(meta, b"pitm")
    shared = find(meta, b"iprp", b"ipco")
    if main is None or shared is None:
        return []
    wide = main[0] > 0
    (item,) = struct.unpack_from(">I" if wide else ">H", main, 4)
    properties = list(boxes(shared))
    own = []
    for box in boxes(find(meta, b"iprp") or b""):
        if box.kind == b"ipma":
            own += [properties[index - 1] for index in _indices(box.content, item) if 0 < index <= len(properties)]
    if not any(box.kind == b"av1C" for box in own):
        # Either the picture or its tiles name the depth.
        own = [box for box in properties if box.kind == b"av1C"][:1] + own
    return own


def _boxes_of_track(data: bytes) -> list[Box]:
    entries = find(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    entry = find((entries or b"")[8:], b"av01")
    return list(boxes(entry[78:])) if entry else []


def _indices(associations: bytes, item: int) -> list[int]:
    """Numbers, from 1, of an item's properties."""
    version, flags = associations[0], associations[3]
    (count,) = struct.unpack_from(">I", associations, 4)
    place = 8
    for _ in range(count):
        (owner,) = struct.unpack_from(">I" if version else ">H", associations, place)
        place += 4 if version else 2
        number = associations[place]
        place += 1
        form, mask = (">H", 0x7FFF) if flags & 1 else (">B", 0x7F)
        width = struct.calcsize(form)
        if owner == item:
            return [struct.unpack_from(form, associations, place + width * k)[0] & mask for k in range(number)]
        place += number * width
    return []
