"""The `.pcv2` container: bytes to fields and back.

A stream has no magic number and no length field: every byte is about 1 % of an ultra-low file. Version 1:

    byte 0      layout:3 | preset:3 | caption coding:1 | sized:1, most significant bit first
    byte 1      the model's identity, XOR the low byte of the content's CRC-32
    bytes 2-3   check: CRC-16-CCITT, from 0xFFFF, of byte 1 followed by the content
    if sized    width / 64 and height / 64, a byte each; 512x512 is never sized
    indices     row by row, big-endian, `bits_per_index` bits each
    caption     compressed, to the end of the file; no bytes for an empty caption

The content is byte 0, the sizes where present, the indices in the packed form above and the caption in UTF-8. It is
made of decoded values, so a layout with entropy-coded indices is checked in the same way, and a model that predicts
other probabilities than the encoder's is found out. Packed indices are the file's own bytes in a uniform layout, so
the check finds every burst of up to 16 bits in them. The XOR makes content that is damaged and yet passes the check
name a random model, which the loaded one refuses in 255 of 256 cases.
"""

import binascii
import zlib
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from percov2_demo.presets import NOMINAL_SIDE, PRESETS, SIDE_MULTIPLE, Preset, get_preset


MAX_SIDE = 255 * SIDE_MULTIPLE
"""Longest side of a picture in pixels."""

MAX_CAPTION_BYTES = 1024
"""Longest caption in bytes of UTF-8."""

CAPTION_CODINGS = ("deflate", "zlib")
"""Names of the caption codings; a coding's position is its number in a stream."""

_WBITS: dict[str, int] = {"deflate": -zlib.MAX_WBITS, "zlib": zlib.MAX_WBITS}
"""What zlib calls the caption codings."""

_LAYOUTS: dict[int, tuple[int, str]] = {0: (1, "uniform")}
"""Version and entropy coding by layout number."""

ENTROPIES = tuple(entropy for _, entropy in _LAYOUTS.values())
"""Names of the codings of the indices."""

_PRESETS_BY_CODE: dict[int, Preset] = {preset.code: preset for preset in PRESETS.values()}

_FIXED_BYTES = 4
_SIZE_BYTES = 2
_MIN_BYTES = _FIXED_BYTES + _SIZE_BYTES + 1
"""Bytes of the shortest stream, a single index."""

_MAX_CAPTION_CODE_BYTES = MAX_CAPTION_BYTES + 64
"""Text that does not compress grows by 5 bytes in deflate and 11 in zlib; the rest is room for other compressors."""


MAX_BYTES = (
    _FIXED_BYTES
    + _SIZE_BYTES
    + _MAX_CAPTION_CODE_BYTES
    + max(preset.index_bytes(MAX_SIDE, MAX_SIDE) for preset in PRESETS.values())
)
"""Bytes of the longest stream."""


class BitstreamError(ValueError):
    """The bytes are not a stream that can be decoded; the message is one sentence for the person who gave them."""


class PartSizes(NamedTuple):
    """Bytes of a stream's parts."""

    spatial: int
    caption: int
    container: int


class _Parts(NamedTuple):
    container: bytes
    spatial: bytes
    caption: bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Bitstream:
    """What a `.pcv2` file says.

    Attributes:
        width: Width of the coded picture in pixels, a multiple of 64 from 64 to 16320.
        height: Its height, likewise.
        preset: Name of the bitrate preset.
        model: First byte of the model's fingerprint, 0 to 255.
        indices: Codebook indices `(rows, columns)`; kept as a read-only int64 copy.
        caption: Text of at most 1024 bytes in UTF-8; may be empty.
        caption_coding: "deflate" (raw, RFC 1951), or "zlib" (RFC 1950) as in the papers; both at level 9.
        entropy: Coding of the indices: "uniform".
        version: Version of the format: 1.

    Raises:
        ValueError: A field is out of range, or the caption is too long or no Unicode text.
    """

    width: int
    height: int
    preset: str
    model: int
    indices: NDArray[np.int64]
    caption: str = ""
    caption_coding: str = "deflate"
    entropy: str = "uniform"
    version: int = 1

    def __post_init__(self) -> None:
        if max(self.width, self.height) > MAX_SIDE:
            raise ValueError(f"sides must be at most {MAX_SIDE} pixels, not {self.width}x{self.height}")
        grid = get_preset(self.preset).grid(self.width, self.height)
        if not 0 <= self.model <= 255:
            raise ValueError(f"the model's identity must be from 0 to 255, not {self.model}")
        _wbits(self.caption_coding)
        if (self.version, self.entropy) not in _LAYOUTS.values():
            raise ValueError(f"there is no version {self.version} with {self.entropy!r} coding of the indices")
        _encode_utf8(self.caption)
        object.__setattr__(self, "indices", _checked_indices(self.indices, grid, get_preset(self.preset)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitstream):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Bitstream":
        """Reads a `.pcv2` file.

        Any input is safe: it is refused by its length or its first byte before any work, or costs work in proportion
        to its length.

        Raises:
            BitstreamError: The bytes are no stream, are damaged, or need a newer version.
        """
        if len(data) < _MIN_BYTES:
            raise BitstreamError("The file is empty or cut short: fetch or make it again.")
        head = data[0]
        layout, preset = _LAYOUTS.get(head >> 5), _PRESETS_BY_CODE.get(head >> 2 & 7)
        if layout is None or preset is None:
            raise BitstreamError("This is not a .pcv2 file, or it needs a newer version of PerCoV2 Explorer.")
        version, entropy = layout
        caption_coding = CAPTION_CODINGS[head >> 1 & 1]
        sizes = data[_FIXED_BYTES : _FIXED_BYTES + _SIZE_BYTES * (head & 1)]
        width, height = _read_sides(sizes) if head & 1 else (NOMINAL_SIDE, NOMINAL_SIDE)

        start = _FIXED_BYTES + len(sizes)
        end = start + preset.index_bytes(width, height)
        if len(data) < end:
            raise BitstreamError("The file is cut short: fetch or make it again.")
        if len(data) > end + _MAX_CAPTION_CODE_BYTES:
            raise BitstreamError("This is not a .pcv2 file: it is longer than its first bytes announce.")
        packed = data[start:end]
        caption = _decompress_caption(data[end:], caption_coding)

        content = b"".join((data[:1], sizes, packed, caption))
        whitened = data[1]
        if _check(whitened, content) != data[2:4]:
            raise BitstreamError("The file is damaged, its check does not match: fetch or make it again.")
        return cls(
            width=width,
            height=height,
            preset=preset.name,
            model=whitened ^ _whitening(content),
            indices=_unpack(packed, preset.bits_per_index).reshape(preset.grid(width, height)),
            caption=caption.decode(),
            caption_coding=caption_coding,
            entropy=entropy,
            version=version,
        )

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> "Bitstream":
        """Reads a `.pcv2` file from disk, and no more of a longer file than it takes to refuse it.

        Raises:
            BitstreamError: As `from_bytes`.
            OSError: The file cannot be read.
        """
        with open(path, "rb") as file:
            return cls.from_bytes(file.read(MAX_BYTES + 1))

    def to_bytes(self) -> bytes:
        """The `.pcv2` file.

        Streams that are equal give the same bytes wherever the same implementation of deflate is at work.
        """
        return b"".join(self._parts)

    def to_dict(self) -> dict[str, Any]:
        """The fields but the indices, and what the preset says of them, as JSON can hold them."""
        preset = get_preset(self.preset)
        return {
            "width": self.width,
            "height": self.height,
            "preset": self.preset,
            "grid": list(preset.grid(self.width, self.height)),
            "codebook_size": preset.codebook_size,
            "entropy": self.entropy,
            "caption": self.caption,
            "caption_coding": self.caption_coding,
            "model": f"{self.model:02x}",
            "version": self.version,
        }

    @property
    def part_sizes(self) -> PartSizes:
        """Bytes of the parts that `to_bytes` joins."""
        container, spatial, caption = self._parts
        return PartSizes(spatial=len(spatial), caption=len(caption), container=len(container))

    @property
    def _key(self) -> tuple[object, ...]:
        fields = (self.width, self.height, self.preset, self.model, self.caption, self.caption_coding)
        return (*fields, self.entropy, self.version, self.indices.tobytes())

    @cached_property
    def _parts(self) -> _Parts:
        preset = get_preset(self.preset)
        layout = next(number for number, fields in _LAYOUTS.items() if fields == (self.version, self.entropy))
        coding = CAPTION_CODINGS.index(self.caption_coding)
        sized = (self.width, self.height) != (NOMINAL_SIDE, NOMINAL_SIDE)

        head = bytes([layout << 5 | preset.code << 2 | coding << 1 | sized])
        sizes = bytes([self.width // SIDE_MULTIPLE, self.height // SIDE_MULTIPLE]) if sized else b""
        packed = _pack(self.indices, preset.bits_per_index)
        content = b"".join((head, sizes, packed, _encode_utf8(self.caption)))
        whitened = self.model ^ _whitening(content)
        container = b"".join((head, bytes([whitened]), _check(whitened, content), sizes))
        return _Parts(container, packed, compress_caption(self.caption, self.caption_coding))


def compress_caption(caption: str, coding: str) -> bytes:
    """The caption as a stream carries it; no bytes for an empty caption.

    Args:
        caption: Text of at most 1024 bytes in UTF-8.
        coding: "deflate" or "zlib".

    Raises:
        ValueError: The caption is too long or no Unicode text, or the coding is unknown.
    """
    if not caption:
        return b""
    return zlib.compress(_encode_utf8(caption), level=9, wbits=_wbits(coding))


def _encode_utf8(caption: str) -> bytes:
    try:
        text = caption.encode()
    except UnicodeEncodeError:
        raise ValueError("the caption has half of a surrogate pair, which is no Unicode text: remove it") from None
    if len(text) > MAX_CAPTION_BYTES:
        raise ValueError(f"the caption takes {len(text)} bytes in UTF-8: shorten it to at most {MAX_CAPTION_BYTES}")
    return text


def _wbits(coding: str) -> int:
    if coding not in _WBITS:
        raise ValueError(f"unknown caption coding {coding!r}: choose one of {', '.join(CAPTION_CODINGS)}")
    return _WBITS[coding]


def _decompress_caption(code: bytes, coding: str) -> bytes:
    """The caption's UTF-8, from exactly one complete stream of at most `MAX_CAPTION_BYTES`."""
    if not code:
        return b""
    decompressor = zlib.decompressobj(_wbits(coding))
    try:
        text = decompressor.decompress(code, MAX_CAPTION_BYTES + 1)
        text.decode()
    except (zlib.error, UnicodeDecodeError):
        raise BitstreamError("The file's caption is damaged: fetch or make it again.") from None
    if len(text) > MAX_CAPTION_BYTES:
        raise BitstreamError(f"The file's caption is damaged: it is longer than {MAX_CAPTION_BYTES} bytes.")
    if not text or not decompressor.eof or decompressor.unused_data:
        raise BitstreamError("The file has a byte too few or too many at its end: fetch or make it again.")
    return text


def _read_sides(sizes: bytes) -> tuple[int, int]:
    """Width and height in pixels from the size bytes."""
    width, height = (SIDE_MULTIPLE * size for size in sizes)
    if 0 in (width, height) or (width, height) == (NOMINAL_SIDE, NOMINAL_SIDE):
        raise BitstreamError("The file is damaged, its picture size is not valid: fetch or make it again.")
    return width, height


def _checked_indices(indices: ArrayLike, grid: tuple[int, int], preset: Preset) -> NDArray[np.int64]:
    """A read-only copy."""
    array = np.asarray(indices)
    if array.shape != grid or array.dtype.kind not in "iu":
        raise ValueError(f"indices must be integers of shape {grid}, not {array.dtype} of shape {array.shape}")
    if array.min() < 0 or array.max() >= preset.codebook_size:
        raise ValueError(f"indices must be from 0 to {preset.codebook_size - 1}")
    copy = array.astype(np.int64)
    copy.setflags(write=False)
    return copy


def _pack(indices: NDArray[np.int64], bits: int) -> bytes:
    """The low `bits` of each index, big-endian, in one run; together a whole number of bytes."""
    words = np.unpackbits(indices.astype(">u2").view(np.uint8)).reshape(-1, 16)
    return np.packbits(words[:, 16 - bits :]).tobytes()


def _unpack(packed: bytes, bits: int) -> NDArray[np.uint16]:
    """The inverse of `_pack`, as one row."""
    codes = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(-1, bits)
    return np.packbits(np.pad(codes, ((0, 0), (16 - bits, 0)))).view(">u2")


def _check(whitened: int, content: bytes) -> bytes:
    return binascii.crc_hqx(content, binascii.crc_hqx(bytes([whitened]), 0xFFFF)).to_bytes(2)


def _whitening(content: bytes) -> int:
    return zlib.crc32(content) & 0xFF
