"""Write a stream as text and as a link, and read both back: the picture is its own address, no server keeps it."""

import base64
import binascii
import re
from urllib.parse import parse_qs, urlsplit

from percov2_demo.bitstream import MAX_BYTES
from percov2_demo.errors import StreamError


PARAMETER = "s"
"""Name of the stream in a link's query."""

_MAX_TEXT = 4096 + MAX_BYTES * 4 // 3
"""Characters of the longest link worth reading."""


def stream_text(data: bytes) -> str:
    """Write a stream in base64url (RFC 4648, section 5) without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_stream_text(text: str) -> bytes:
    """Read the stream of a text, or of a link that carries one; spaces and line breaks do not matter.

    Raises:
        StreamError: It is neither.
    """
    compact = re.sub(r"\s+", "", text[: _MAX_TEXT + 1])
    if len(compact) > _MAX_TEXT:
        raise StreamError("This text is too long to be a picture.")
    try:
        if "?" in compact:
            compact = parse_qs(urlsplit(compact).query).get(PARAMETER, [""])[0]
        digits = compact.rstrip("=").replace("+", "-").replace("/", "_")
        data = base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):  # A character beyond ASCII, or half an IPv6 address, is a plain ValueError.
        data = b""
    if not data:
        raise StreamError("This is not a picture's text or link: copy the whole of it and paste it again.")
    return data


def link_to(address: str, data: bytes) -> str:
    """Return the link that opens a stream.

    Args:
        address: Where the page is, without query.
        data: The stream.
    """
    return f"{address}?{PARAMETER}={stream_text(data)}"
