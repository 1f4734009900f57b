"""Captions as UTF-8 and, without a model, as compressed bytes."""

import zlib

from percov2_demo.errors import InputError, StreamError


MAX_CAPTION_BYTES = 1024
"""Longest caption in bytes of UTF-8."""

_WBITS: dict[str, int] = {"deflate": -zlib.MAX_WBITS, "zlib": zlib.MAX_WBITS}
"""What zlib calls raw deflate (RFC 1951) and zlib (RFC 1950)."""


def encode_utf8(caption: str) -> bytes:
    """Encode a caption in UTF-8.

    Raises:
        InputError: The caption is too long or no Unicode text.
    """
    try:
        text = caption.encode()
    except UnicodeEncodeError:
        raise InputError("the caption is no Unicode text: write it in UTF-8") from None
    if len(text) > MAX_CAPTION_BYTES:
        raise InputError(f"the caption takes {len(text)} bytes in UTF-8: shorten it to at most {MAX_CAPTION_BYTES}")
    return text


def compress_caption(caption: str, coding: str) -> bytes:
    """Compress a caption in a general-purpose format at level 9; no bytes for an empty caption.

    Args:
        caption: Text of at most 1024 bytes in UTF-8.
        coding: "deflate" or "zlib".

    Raises:
        InputError: The caption is too long or no Unicode text, or the coding is unknown.
    """
    if coding not in _WBITS:
        raise InputError(f"unknown caption coding {coding!r}: choose one of {', '.join(_WBITS)}")
    return zlib.compress(encode_utf8(caption), level=9, wbits=_WBITS[coding]) if caption else b""


def decompress_caption(code: bytes, coding: str) -> str:
    """Decompress exactly one complete stream of at most `MAX_CAPTION_BYTES`; no bytes are the empty caption.

    Raises:
        StreamError: The bytes are no such stream.
    """
    if not code:
        return ""
    decompressor = zlib.decompressobj(_WBITS[coding])
    try:
        text = decompressor.decompress(code, MAX_CAPTION_BYTES + 1)
        caption = text.decode()
    except (zlib.error, UnicodeDecodeError):
        raise StreamError("The file's caption is damaged: fetch or make it again.") from None
    if len(text) > MAX_CAPTION_BYTES:
        raise StreamError(f"The file's caption is damaged: it is longer than {MAX_CAPTION_BYTES} bytes.")
    if not text or not decompressor.eof or decompressor.unused_data:
        raise StreamError("The file has a byte too few or too many at its end: fetch or make it again.")
    return caption
