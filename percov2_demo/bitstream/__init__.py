"""The `.pcv2` file format."""

from percov2_demo.bitstream.captions import MAX_CAPTION_BYTES, compress_caption
from percov2_demo.bitstream.header import (
    HEAD_BYTES,
    MAX_PIXELS,
    MAX_SIDE,
    SCHEDULES,
    Header,
    Withheld,
    parse_coding,
    usual_steps,
)
from percov2_demo.bitstream.stream import MAX_BYTES, Bitstream, Content, PartSizes, Payload, PayloadCoder


__all__ = [
    "HEAD_BYTES",
    "MAX_BYTES",
    "MAX_CAPTION_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "SCHEDULES",
    "Bitstream",
    "Content",
    "Header",
    "PartSizes",
    "Payload",
    "PayloadCoder",
    "Withheld",
    "compress_caption",
    "parse_coding",
    "usual_steps",
]
