"""JPEG 2000 (ISO/IEC 15444-1), by imagecodecs and, at a fraction of the size, by Pillow; both are OpenJPEG.

Pillow (12.3) leaves out profiles, channel definitions and subsampling. So the file is read here, and its codestream is
decoded to the channels as they are coded.
"""

import io
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image

from percov2_demo.images.boxes import boxes, find
from percov2_demo.images.colour import Cicp
from percov2_demo.images.errors import DamagedImage, UnsupportedImage
from percov2_demo.images.limits import MAX_DECODED_BYTES, MAX_PIXELS, check_size
from percov2_demo.images.raster import Alpha, Model, Raster, raster_of_samples


CODESTREAM = b"\xff\x4f\xff\x51"

_SYCC = 18
_ENUMERATED: dict[int, Model] = {12: "CMYK", 16: "RGB", 17: "L", _SYCC: "RGB"}
_OF_PROFILE: dict[bytes, Model] = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK"}
_CHANNELS: dict[Model, int] = {"L": 1, "RGB": 3, "CMYK": 4}
_ALPHA: dict[int, Alpha] = {1: "straight", 2: "premultiplied"}
_SAMPLE_BYTES = 10
"""OpenJPEG holds two integers of 32 bits for each sample, and there is the result."""


def decode(data: bytes) -> Raster:
    """Read a JPEG 2000 file, or a codestream without a file around it."""
    if data.startswith(CODESTREAM):
        codestream, header = data, b""
    else:
        stream_box, header_box = find(data, b"jp2c"), find(data, b"jp2h")
        if stream_box is None or header_box is None:
            raise DamagedImage
        codestream, header = stream_box, header_box
    frame = _Frame.read(codestream)
    colour = _Colour.read(header, frame)
    reduction = frame.reduction()
    if find(header, b"pclr") is not None or colour.is_sycc or frame.is_subsampled:
        # OpenJPEG puts colours in place of indices and in order, and makes RGB of luma and chroma.
        if reduction or (frame.is_subsampled and not colour.is_sycc and header):
            raise UnsupportedImage.of("JPEG 2000 files with palettes or subsampled channels of this kind")
        samples = _decode(data)
        channels = 1 if samples.ndim == 2 else samples.shape[-1]
        top = 2**frame.depth - 1 if samples.dtype != np.uint8 else 255
        return raster_of_samples(samples, "L" if channels < 3 else "RGB", bounds=(0, top))
    samples = _decode_reduced(codestream, reduction) if reduction else _decode(codestream)
    order, alpha = _order(header, _CHANNELS[colour.model], len(frame.depths))
    samples = samples[..., None] if samples.ndim == 2 else samples
    return raster_of_samples(
        samples[..., order],
        colour.model,
        bounds=(0, 255) if reduction else frame.bounds,
        alpha=alpha,
        profile=colour.profile,
        cicp=colour.cicp,
    )


@dataclass(frozen=True)
class _Frame:
    """What the main header of a codestream says (annex A).

    Attributes:
        size: Width and height in pixels.
        depths: Bits of each channel's samples.
        is_signed: Whether they are signed.
        is_subsampled: Whether a channel has fewer samples than pixels.
        levels: How often the size can be halved.
    """

    size: tuple[int, int]
    depths: tuple[int, ...]
    is_signed: bool
    is_subsampled: bool
    levels: int

    @classmethod
    def read(cls, codestream: bytes) -> "_Frame":
        if not codestream.startswith(CODESTREAM):
            raise DamagedImage
        right, bottom, left, top = struct.unpack_from(">4I", codestream, 8)
        (count,) = struct.unpack_from(">H", codestream, 40)
        channels = [struct.unpack_from(">BBB", codestream, 42 + 3 * index) for index in range(count)]
        if not channels or right <= left or bottom <= top:
            raise DamagedImage
        depths = tuple((depth & 0x7F) + 1 for depth, _, _ in channels)
        signs = {depth >> 7 for depth, _, _ in channels}
        if len(set(depths)) > 1 or len(signs) > 1 or depths[0] > 16:
            raise UnsupportedImage.of("JPEG 2000 files with channels of different or many bits")
        style = codestream.find(b"\xff\x52", 42 + 3 * count)
        levels = codestream[style + 9] if 0 <= style < len(codestream) - 9 else 0
        subsampled = any((dx, dy) != (1, 1) for _, dx, dy in channels)
        return cls((right - left, bottom - top), depths, bool(signs.pop()), subsampled, levels)

    @property
    def depth(self) -> int:
        return self.depths[0]

    @property
    def bounds(self) -> tuple[int, int]:
        low = -(2 ** (self.depth - 1)) if self.is_signed else 0
        return low, low + 2**self.depth - 1

    def reduction(self) -> int:
        """Return how often the size is halved so that decoding keeps to its memory and its time."""
        pixel_bytes = _SAMPLE_BYTES * len(self.depths)
        most = min(MAX_PIXELS, MAX_DECODED_BYTES / pixel_bytes)
        halvings = 0
        while halvings < self.levels and self.size[0] * self.size[1] / 4**halvings > most:
            halvings += 1
        if halvings and len(self.depths) > 4:
            halvings = 0
        check_size(self.size, pixel_bytes / 4**halvings)
        return halvings


@dataclass(frozen=True)
class _Colour:
    """What a file says of its colours: a mode, and what its samples mean."""

    model: Model
    profile: bytes | None = None
    cicp: Cicp | None = None
    is_sycc: bool = False

    @classmethod
    def read(cls, header: bytes, frame: _Frame) -> "_Colour":
        seen = []
        channels = 4 if find(header, b"pclr") is not None else len(frame.depths)
        for box in boxes(header):
            if box.kind != b"colr" or len(box.content) < 3:
                continue
            method, content = box.content[0], box.content[3:]
            if method == 1 and len(content) >= 4:
                (space,) = struct.unpack_from(">I", content)
                if space in _ENUMERATED and _CHANNELS[_ENUMERATED[space]] <= channels:
                    return cls(_ENUMERATED[space], is_sycc=space == _SYCC)
                seen.append(f"colour space {space}")
            elif method in (2, 3) and content[16:20] in _OF_PROFILE:
                model = _OF_PROFILE[content[16:20]]
                if _CHANNELS[model] <= channels:
                    return cls(model, profile=content)
            elif method == 5 and len(content) >= 6:
                primaries, transfer = struct.unpack_from(">HH", content)
                return cls("L" if len(frame.depths) < 3 else "RGB", cicp=Cicp(primaries, transfer))
            else:
                seen.append(f"colours of method {method}")
        if find(header, b"pclr") is not None and not seen:
            return cls("RGB")
        if seen:
            raise UnsupportedImage.of(f"JPEG 2000 files with {seen[0]}")
        return cls("L" if len(frame.depths) < 3 else "RGB")


def _order(header: bytes, colours: int, channels: int) -> tuple[list[int], Alpha | None]:
    """Numbers of the channels of colour and then of opacity, and its kind.

    Without definitions the first channels are the colours, and one more is opacity, as in most programs.
    """
    definitions = find(header, b"cdef")
    if definitions is None:
        has_alpha = channels == colours + 1
        return list(range(colours + has_alpha)), "straight" if has_alpha else None
    order: dict[int, int] = {}
    alpha = None
    for place in range(2, len(definitions) - 5, 6):
        channel, kind, colour = struct.unpack_from(">HHH", definitions, place)
        if kind == 0 and 1 <= colour <= colours:
            order[colour - 1] = channel
        elif kind in _ALPHA and colours not in order:
            order[colours], alpha = channel, _ALPHA[kind]
    if sorted(order) != list(range(colours + (alpha is not None))) or max(order.values()) >= channels:
        raise DamagedImage
    return [order[index] for index in sorted(order)], alpha


def _decode(data: bytes) -> np.ndarray:
    import imagecodecs

    try:
        return imagecodecs.jpeg2k_decode(data, planar=False)
    except NotImplementedError as error:
        raise UnsupportedImage.of("JPEG 2000 files with channels of this kind") from error


def _decode_reduced(codestream: bytes, halvings: int) -> np.ndarray:
    """Samples of 8 bits of a picture whose sides are halved so often."""
    image = Image.open(io.BytesIO(codestream), formats=("JPEG2000",))
    # An attribute of this format's pictures, where others have a method.
    setattr(image, "reduce", halvings)  # noqa: B010
    image.load()
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    return np.asarray(image)
