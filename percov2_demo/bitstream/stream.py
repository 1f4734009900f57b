"""A `.pcv2` file: bytes to content and back.

A stream has no magic number and no length field: every byte is about 1 % of an ultra-low file. After the head, see
`header`, comes the payload, to the end of the file:

    version 1   indices row by row, big-endian, `bits_per_index` bits each; then the caption, compressed
    version 2   one range-coded run of the caption and the indices, made and read by a `PayloadCoder`

A refined file says where the payload ends, and refinement blocks follow it, see `refinement`.

The check is over the head, with what it says of a refinement but without the blocks, the indices in version 1's packed
form and the caption in UTF-8. It is made of decoded
values, so a model that predicts other probabilities than the encoder's is found out. Packed indices are the file's
own bytes in version 1, so the check finds every burst of up to 16 bits in them. The identity's XOR makes content that
is damaged and yet passes the check name a random model, which the loaded one refuses in 255 of 256 cases.
"""

import binascii
import zlib
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from percov2_demo.bitstream.captions import (
    MAX_CAPTION_BYTES,
    compress_caption,
    decompress_caption,
    encode_utf8,
)
from percov2_demo.bitstream.header import HEAD_BYTES, MAX_SIDE, Header, Withheld
from percov2_demo.bitstream.refinement import (
    MAX_FIELDS_BYTES,
    MAX_REFINEMENT_BYTES,
    Refinement,
    read_fields,
)
from percov2_demo.errors import InputError, StreamError
from percov2_demo.presets import PRESETS, Preset, get_preset


_MAX_CAPTION_CODE_BYTES = MAX_CAPTION_BYTES + 64
"""Text that does not compress grows by 5 bytes in deflate and 11 in zlib; the rest is room for other compressors."""

MAX_BYTES = (
    HEAD_BYTES
    + MAX_FIELDS_BYTES
    + max(preset.index_bytes(MAX_SIDE, MAX_SIDE) for preset in PRESETS.values())
    + _MAX_CAPTION_CODE_BYTES
    + MAX_REFINEMENT_BYTES
)
"""Bytes of the longest stream."""


class PartSizes(NamedTuple):
    """Bytes of a stream's parts."""

    spatial: int
    caption: int
    container: int
    refinement: int = 0


class Payload(NamedTuple):
    """A range-coded run.

    Attributes:
        data: The bytes.
        caption_bytes: How many of them the caption takes: those that would be left without indices.
    """

    data: bytes
    caption_bytes: int


class Content(NamedTuple):
    """What a payload says.

    Attributes:
        indices: Codebook indices `(rows, columns)`.
        caption: The text.
        caption_coding: How the text is coded.
        caption_bytes: As in `Payload`.
    """

    indices: NDArray[np.int64]
    caption: str
    caption_coding: str
    caption_bytes: int


class PayloadCoder(Protocol):
    """Reads range-coded payloads; holds the models that it takes."""

    def decode(self, payload: bytes, header: Header) -> Content:
        """Decode the content of a payload.

        Raises:
            StreamError: The payload is damaged, or another model's.
        """


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
        caption_coding: "deflate" (raw, RFC 1951), or "zlib" (RFC 1950) as in the papers, both at level 9; with a
            payload also "model", "raw" or "none".
        entropy: Coding of the indices, one of `SCHEDULES`.
        entropy_steps: Steps of the coding "qlds"; None in others.
        withheld: Which groups of indices are not sent, but drawn by the decoder; None if all are sent.
        payload: The range-coded content, in version 2; its coder vouches that it stands for the other fields.
        refinement: What leads a painter from these indices to the picture; None in a base stream.

    Raises:
        InputError: A field is out of range, or the caption is too long or no Unicode text.
    """

    width: int
    height: int
    preset: str
    model: int
    indices: NDArray[np.int64]
    caption: str = ""
    caption_coding: str = "deflate"
    entropy: str = "uniform"
    entropy_steps: int | None = None
    withheld: Withheld | None = None
    payload: Payload | None = None
    refinement: Refinement | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.model <= 255:
            raise InputError(f"the model's identity must be from 0 to 255, not {self.model}")
        encode_utf8(self.caption)
        indices = _checked_indices(self.indices, self.header.grid, get_preset(self.preset))
        object.__setattr__(self, "indices", indices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitstream):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @classmethod
    def from_bytes(cls, data: bytes, coder: PayloadCoder | None = None) -> "Bitstream":
        """Read a `.pcv2` file.

        Any input is safe: it is refused by its length or its first bytes before any work, or costs work in
        proportion to its length; in version 2, to its picture, which has at most `MAX_PIXELS`.

        Args:
            data: The file.
            coder: Reads version 2's payloads, with the model that the file was made with.

        Raises:
            StreamError: The bytes are no stream, are damaged, need a newer version, or need a coder.
        """
        header, head_content, start = Header.from_bytes(data)
        base, refinement = data[start:], None
        if header.refined:
            fields, base, refinement = _read_refinement(data, start)
            head_content += fields
        payload = None
        if header.version == 1:
            content = _read_packed(base, header)
        elif coder is None:
            raise StreamError("This file is entropy coded: to read it takes the model it was made with.")
        elif len(data) > MAX_BYTES:
            raise StreamError("This is not a .pcv2 file: it is longer than its first bytes announce.")
        else:
            content = coder.decode(base, header)
            payload = Payload(base, content.caption_bytes)
        whitened = data[1]
        checked = head_content + _checked_content(content.indices, content.caption, header.preset)
        if _check(whitened, checked) != data[2:4]:
            raise StreamError("The file is damaged, its check does not match: fetch or make it again.")
        return cls(
            width=header.width,
            height=header.height,
            preset=header.preset,
            model=whitened ^ _whitening(checked),
            indices=content.indices,
            caption=content.caption,
            caption_coding=content.caption_coding,
            entropy=header.entropy,
            entropy_steps=header.entropy_steps,
            withheld=header.withheld,
            payload=payload,
            refinement=refinement,
        )

    @classmethod
    def from_file(cls, path: str | PathLike[str], coder: PayloadCoder | None = None) -> "Bitstream":
        """Read a `.pcv2` file from disk; of one that is too long, only as much as shows that.

        Raises:
            StreamError: As `from_bytes`.
            OSError: The file cannot be read.
        """
        with open(path, "rb") as file:
            return cls.from_bytes(file.read(MAX_BYTES + 1), coder)

    def to_bytes(self) -> bytes:
        """Write the `.pcv2` file.

        Streams that are equal give the same bytes wherever the same implementation of deflate is at work.
        """
        return b"".join(self._parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields except the indices, and what the preset says of them, as JSON can hold them."""
        return {
            "width": self.width,
            "height": self.height,
            "preset": self.preset,
            "grid": list(self.header.grid),
            "codebook_size": get_preset(self.preset).codebook_size,
            "entropy": self.entropy,
            "entropy_steps": self.entropy_steps,
            "withheld": self.withheld and self.withheld._asdict(),
            "caption": self.caption,
            "caption_coding": self.caption_coding,
            "model": f"{self.model:02x}",
            "version": self.version,
            "refinement_atoms": self.refinement and self.refinement.atoms,
        }

    @property
    def version(self) -> int:
        """Version of the format."""
        return 1 if self.payload is None else 2

    @property
    def header(self) -> Header:
        """The head of the file."""
        coding = self.caption_coding
        if self.payload is not None and coding in ("raw", "deflate"):
            coding = "literal"
        return Header(
            width=self.width,
            height=self.height,
            preset=self.preset,
            version=self.version,
            caption_coding=coding,
            entropy=self.entropy,
            entropy_steps=self.entropy_steps,
            withheld=self.withheld,
            refined=self.refinement is not None,
        )

    @property
    def is_refined(self) -> bool:
        """Whether refinement blocks follow the base stream."""
        return self.refinement is not None and bool(self.refinement.data)

    @property
    def part_sizes(self) -> PartSizes:
        """Bytes of the parts that `to_bytes` joins."""
        container, spatial, caption, refinement = map(len, self._parts)
        if self.payload is not None:
            caption = self.payload.caption_bytes
            spatial -= caption
        return PartSizes(spatial=spatial, caption=caption, container=container, refinement=refinement)

    @property
    def _key(self) -> tuple[object, ...]:
        content = (self.caption, self.caption_coding, self.indices.tobytes(), self.payload)
        return (self.header, self.model, *content, self.refinement)

    @cached_property
    def _parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Container, indices, caption, refinement; in version 2 the payload stands in the place of the indices."""
        if self.payload is not None:
            spatial, caption = self.payload.data, b""
        else:
            spatial = _pack(self.indices, get_preset(self.preset).bits_per_index)
            caption = compress_caption(self.caption, self.caption_coding)
        head, rest = self.header.to_bytes()
        blocks = b""
        if self.refinement is not None:
            rest += self.refinement.fields(len(spatial) + len(caption))
            blocks = self.refinement.data
        content = bytes([head]) + rest + _checked_content(self.indices, self.caption, self.preset)
        whitened = self.model ^ _whitening(content)
        container = bytes([head, whitened]) + _check(whitened, content) + rest
        return container, spatial, caption, blocks


def _read_refinement(data: bytes, position: int) -> tuple[bytes, bytes, Refinement]:
    """`(what the head says of it, the payload, the refinement)` of a refined file."""
    atoms, painter, payload_bytes, start = read_fields(data, position)
    end = start + payload_bytes
    if len(data) < end:
        raise StreamError("The file is cut short: fetch or make it again.")
    if len(data) - end > MAX_REFINEMENT_BYTES:
        raise StreamError("This is not a .pcv2 file: it is longer than its first bytes announce.")
    return data[position:start], data[start:end], Refinement(atoms, data[end:], painter)


def _read_packed(data: bytes, header: Header) -> Content:
    """Read the content of version 1."""
    preset = get_preset(header.preset)
    end = preset.index_bytes(header.width, header.height)
    if len(data) < end:
        raise StreamError("The file is cut short: fetch or make it again.")
    if len(data) > end + _MAX_CAPTION_CODE_BYTES:
        raise StreamError("This is not a .pcv2 file: it is longer than its first bytes announce.")
    indices = _unpack(data[:end], preset.bits_per_index).reshape(header.grid)
    caption = decompress_caption(data[end:], header.caption_coding)
    # Unsigned, as they were packed: a `Bitstream` makes its own copy anyway.
    return Content(indices, caption, header.caption_coding, len(data) - end)  # type: ignore[arg-type]


def _checked_content(indices: NDArray[np.int64], caption: str, preset: str) -> bytes:
    return _pack(indices, get_preset(preset).bits_per_index) + caption.encode()


def _checked_indices(indices: ArrayLike, grid: tuple[int, int], preset: Preset) -> NDArray[np.int64]:
    """Check indices and return a read-only copy."""
    array = np.asarray(indices)
    if array.shape != grid or array.dtype.kind not in "iu":
        raise InputError(f"indices must be integers of shape {grid}, not {array.dtype} of shape {array.shape}")
    if array.min() < 0 or array.max() >= preset.codebook_size:
        raise InputError(f"indices must be from 0 to {preset.codebook_size - 1}")
    copy = array.astype(np.int64)
    copy.setflags(write=False)
    return copy


def _pack(indices: NDArray[np.int64], bits: int) -> bytes:
    """Pack the low `bits` of each index, big-endian, in one run; together a whole number of bytes."""
    if bits == 8:
        # The same by less work: the densest preset has millions of indices at the largest size.
        return indices.astype(np.uint8).tobytes()
    words = np.unpackbits(indices.astype(">u2").view(np.uint8)).reshape(-1, 16)
    return np.packbits(words[:, 16 - bits :]).tobytes()


def _unpack(packed: bytes, bits: int) -> NDArray[np.unsignedinteger]:
    """Undo `_pack`, as one row."""
    if bits == 8:
        return np.frombuffer(packed, np.uint8)
    codes = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(-1, bits)
    return np.packbits(np.pad(codes, ((0, 0), (16 - bits, 0)))).view(">u2")


def _check(whitened: int, content: bytes) -> bytes:
    return binascii.crc_hqx(content, binascii.crc_hqx(bytes([whitened]), 0xFFFF)).to_bytes(2)


def _whitening(content: bytes) -> int:
    return zlib.crc32(content) & 0xFF
