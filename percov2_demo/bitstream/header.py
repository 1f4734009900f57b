"""The head of a `.pcv2` file: what is coded, and how, in as few bytes as there are choices.

    byte 0      layout:3 | refined:1 | preset:2 | flag:1 | sized:1, most significant bit first
    byte 1      the model's identity, XOR the low byte of the content's CRC-32
    bytes 2-3   check: CRC-16-CCITT, from 0xFFFF, of byte 1 followed by the content
    if sized    width / 64 and height / 64, a byte each; 512x512 is never sized
    if explicit how the indices are coded, see below
    if refined  what follows the payload, see `refinement`

Layout 0 is version 1: indices are packed, the flag is the caption's coding, 0 for deflate and 1 for zlib. Layouts 1
to 6 are version 2, whose captions and indices share one range-coded payload; `2 * (layout - 1) + flag` counts through

    caption     by the model, literal, none
    indices     qlds in the usual number of steps, quincunx, checkerboard, explicit

with the indices as the faster digit. Explicit indices are described by a byte `schedule:3 | steps given:1 | groups
withheld:1 | 0:3`, then the steps in a byte where given, then, where groups are withheld, a byte each for the number
of groups sent, the seed, and the temperature in 64ths. A description that has a shorter form is refused.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from percov2_demo.errors import InputError, StreamError
from percov2_demo.presets import NOMINAL_SIDE, PRESETS, SIDE_MULTIPLE, Preset, get_preset


MAX_SIDE = 255 * SIDE_MULTIPLE
"""Longest side of a picture in pixels."""

SCHEDULES = ("uniform", "checkerboard", "quincunx", "qlds", "var")
"""Names of the codings of the indices; a coding's position is its number in a stream."""

TEMPERATURE_UNIT = 64

MAX_QLDS_STEPS = 32
"""Most steps of "qlds": a decoder's time grows with them, and they save next to nothing beyond 12."""

MAX_PIXELS = 2 * NOMINAL_SIDE**2
"""Largest picture that is entropy coded or painted; the encoder makes about 512 squared."""

_V1_CAPTIONS = ("deflate", "zlib")
_V2_CAPTIONS = ("model", "literal", "none")
_V2_INDICES = ("qlds", "quincunx", "checkerboard", "explicit")
_V2_LAYOUTS = len(_V2_CAPTIONS) * len(_V2_INDICES) // 2

_PRESETS_BY_CODE: dict[int, Preset] = {preset.code: preset for preset in PRESETS.values()}

FIXED_BYTES = 4

HEAD_BYTES = FIXED_BYTES + 2 + 5
"""Bytes of the longest head, without what it says of a refinement."""


class Withheld(NamedTuple):
    """The last groups of the schedule are not sent: the decoder draws them from the entropy model.

    Attributes:
        sent: Groups that are sent, 0 to 255.
        seed: Seed of the draws, 0 to 255.
        temperature: Of the probabilities, 0 to 255/64; 0 takes the most likely.
    """

    sent: int
    seed: int = 0
    temperature: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a stream says of itself before its content.

    Attributes:
        width: Width of the coded picture in pixels, a multiple of 64 from 64 to 16320.
        height: Its height, likewise.
        preset: Name of the bitrate preset.
        version: 1, indices packed and the caption apart; 2, both range coded.
        caption_coding: "deflate" or "zlib" in version 1; "model", "literal" or "none" in version 2.
        entropy: Coding of the indices, one of `SCHEDULES`; "uniform" in version 1.
        entropy_steps: Steps of "qlds", 1 to 32 and no more than there are indices; None in other codings.
        withheld: Which groups of indices are not sent; None if all are.
        refined: Whether refinement blocks follow the payload.

    Raises:
        InputError: A field is out of range.
    """

    width: int
    height: int
    preset: str
    version: int = 1
    caption_coding: str = "deflate"
    entropy: str = "uniform"
    entropy_steps: int | None = None
    withheld: Withheld | None = None
    refined: bool = False

    def __post_init__(self) -> None:
        if max(self.width, self.height) > MAX_SIDE:
            raise InputError(f"sides must be at most {MAX_SIDE} pixels, not {self.width}x{self.height}")
        get_preset(self.preset).grid(self.width, self.height)
        captions = {1: _V1_CAPTIONS, 2: _V2_CAPTIONS}.get(self.version, ())
        if self.caption_coding not in captions:
            raise InputError(f"unknown caption coding {self.caption_coding!r}: choose one of {', '.join(captions)}")
        if self.entropy not in SCHEDULES:
            raise InputError(f"unknown coding of indices {self.entropy!r}: choose one of {', '.join(SCHEDULES)}")
        if self.version == 1 and (self.entropy != "uniform" or self.withheld is not None):
            raise InputError(f"version 1 has no {self.entropy!r} coding of the indices, and withholds none")
        if (self.entropy == "qlds") != (self.entropy_steps is not None):
            raise InputError('the coding "qlds" has a number of steps, the others have none')
        most = min(MAX_QLDS_STEPS, self.grid[0] * self.grid[1])
        if self.entropy_steps is not None and not 1 <= self.entropy_steps <= most:
            raise InputError(f"the steps of the entropy coding must be 1 to {most}, not {self.entropy_steps}")
        if self.withheld is not None:
            _check_withheld(self.withheld)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of indices."""
        return get_preset(self.preset).grid(self.width, self.height)

    @classmethod
    def from_bytes(cls, data: bytes) -> tuple["Header", bytes, int]:
        """Read a file's header: return it, its bytes that count as content, and where the payload begins.

        Raises:
            StreamError: The bytes are no stream, or need a newer version.
        """
        if len(data) < FIXED_BYTES:
            raise StreamError("The file is empty or cut short: fetch or make it again.")
        head = data[0]
        preset = _PRESETS_BY_CODE[head >> 2 & 3]
        layout, flag = head >> 5, head >> 1 & 1
        if layout > _V2_LAYOUTS:
            raise StreamError("This is not a .pcv2 file, or it needs a newer version of PerCoV2 Explorer.")
        reader = _Reader(data, FIXED_BYTES)
        width, height = (SIDE_MULTIPLE * reader.byte() if head & 1 else NOMINAL_SIDE for _ in range(2))
        fields: dict[str, Any] = {"width": width, "height": height, "preset": preset.name}
        fields["refined"] = bool(head >> 4 & 1)
        try:
            if layout == 0:
                header = cls(**fields, version=1, caption_coding=_V1_CAPTIONS[flag])
            else:
                captions, indices = divmod(2 * (layout - 1) + flag, len(_V2_INDICES))
                fields |= {"version": 2, "caption_coding": _V2_CAPTIONS[captions]}
                entropy = _V2_INDICES[indices]
                if entropy == "explicit":
                    fields |= _read_explicit(reader, preset.grid(width, height))
                else:
                    fields |= {"entropy": entropy, "entropy_steps": usual_steps(entropy, preset.grid(width, height))}
                header = cls(**fields)
        except InputError:
            raise StreamError("The file is damaged, its first bytes contradict each other: make it again.") from None
        if header.version > 1 and width * height > MAX_PIXELS:
            raise StreamError(f"This is not a .pcv2 file, or its picture of {width}x{height} pixels is too large.")
        if header.to_bytes() != (head, data[FIXED_BYTES : reader.position]):
            raise StreamError("The file is damaged, its first bytes contradict each other: make it again.")
        return header, data[:1] + data[FIXED_BYTES : reader.position], reader.position

    def to_bytes(self) -> tuple[int, bytes]:
        """Write the first byte, and what follows the check: sizes and the explicit description, if any."""
        sized = (self.width, self.height) != (NOMINAL_SIDE, NOMINAL_SIDE)
        rest = bytes([self.width // SIDE_MULTIPLE, self.height // SIDE_MULTIPLE]) if sized else b""
        if self.version == 1:
            layout, flag = 0, _V1_CAPTIONS.index(self.caption_coding)
        else:
            usual = self.entropy_steps == usual_steps(self.entropy, self.grid) and self.withheld is None
            entropy = self.entropy if usual and self.entropy in _V2_INDICES else "explicit"
            number = len(_V2_INDICES) * _V2_CAPTIONS.index(self.caption_coding) + _V2_INDICES.index(entropy)
            layout, flag = number // 2 + 1, number % 2
            if entropy == "explicit":
                rest += self._explicit()
        return layout << 5 | self.refined << 4 | get_preset(self.preset).code << 2 | flag << 1 | sized, rest

    def _explicit(self) -> bytes:
        unusual = self.entropy_steps != usual_steps(self.entropy, self.grid)
        description = SCHEDULES.index(self.entropy) << 5 | unusual << 4 | (self.withheld is not None) << 3
        steps = bytes([self.entropy_steps]) if unusual and self.entropy_steps is not None else b""
        if self.withheld is None:
            return bytes([description]) + steps
        sent, seed, temperature = self.withheld
        return bytes([description]) + steps + bytes([sent, seed, int(temperature * TEMPERATURE_UNIT)])


def _check_withheld(withheld: Withheld) -> None:
    units = withheld.temperature * TEMPERATURE_UNIT
    if not 0 <= withheld.sent <= 255:
        raise InputError(f"the number of groups sent must be 0 to 255, not {withheld.sent}")
    if not 0 <= withheld.seed <= 255:
        raise InputError(f"the seed of groups that are not sent must be 0 to 255, not {withheld.seed}")
    if not (0 <= units <= 255 and units == int(units)):
        raise InputError(f"the temperature must be a multiple of 1/64 below 4, not {withheld.temperature:g}")


class _Reader:
    """Bytes one after the other."""

    def __init__(self, data: bytes, position: int):
        self.data, self.position = data, position

    def byte(self) -> int:
        if self.position >= len(self.data):
            raise StreamError("The file is cut short: fetch or make it again.")
        self.position += 1
        return self.data[self.position - 1]


def _read_explicit(reader: _Reader, grid: tuple[int, int]) -> dict[str, Any]:
    description = reader.byte()
    number = description >> 5
    if description & 7 or number >= len(SCHEDULES):
        raise StreamError("This file needs a newer version of PerCoV2 Explorer.")
    entropy = SCHEDULES[number]
    steps = reader.byte() if description >> 4 & 1 else usual_steps(entropy, grid)
    withheld = None
    if description >> 3 & 1:
        withheld = Withheld(reader.byte(), reader.byte(), reader.byte() / TEMPERATURE_UNIT)
    return {"entropy": entropy, "entropy_steps": steps, "withheld": withheld}


def parse_coding(text: str) -> tuple[str | None, int | None]:
    """Parse a coding of the indices: one of `SCHEDULES`, "qlds:" and a number of steps, or "default".

    Returns:
        The coding and its steps, as pipelines take them; None for the model's default and for the usual steps.

    Raises:
        InputError: It is not one of them.
    """
    if text == "default":
        return None, None
    name, colon, steps = text.partition(":")
    if name in SCHEDULES and not colon:
        return name, None
    if name == "qlds" and steps in map(str, range(1, MAX_QLDS_STEPS + 1)):
        return name, int(steps)
    raise InputError(f"{text} is none of default, {', '.join(SCHEDULES)}, or qlds:S with S from 1 to {MAX_QLDS_STEPS}")


def usual_steps(entropy: str, grid: tuple[int, int]) -> int | None:
    """Return the default steps: of "qlds" the paper's 5 up to 8x8 indices and 12 for more, else none."""
    cells = grid[0] * grid[1]
    return None if entropy != "qlds" else min(5, cells) if cells <= 64 else 12
