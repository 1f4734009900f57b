"""Write a stream as text and as a link, and read both back: the picture is its own address, no server keeps it."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from percov2_demo.bitstream import MAX_BYTES
from percov2_demo.errors import StreamError
from percov2_demo.sampling.settings import Sampling


PARAMETER = "s"
"""Name of the stream in a link's query."""

CAPTION = "caption"
"""Name, in a link's query, of the words that are painted in place of the stream's."""

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


def link_to(address: str, data: bytes, settings: Mapping[str, str] | None = None) -> str:
    """Return the link that opens a stream, and paints it in the same way.

    Args:
        address: Where the page is, without query.
        data: The stream.
        settings: What is not as the page has it by itself, see `changed_settings`.
    """
    return f"{address}?{urlencode({PARAMETER: stream_text(data), **(settings or {})})}"


def changed_settings(settings: Sampling, usual: Sampling) -> dict[str, str]:
    """List, as a link carries them, the settings that differ from the usual ones."""
    usuals = asdict(usual)
    return {name: f"{value:.10g}" for name, value in asdict(settings).items() if value != usuals[name]}


def read_settings(query: Mapping[str, str], usual: Sampling, highest: Sampling) -> Sampling:
    """Read a link's settings; what it does not carry is as usual.

    Args:
        query: The link's parameters.
        usual: Settings where the link has none.
        highest: The largest value of each; all begin at 0 but the steps, of which there is one at least.

    Raises:
        StreamError: A setting is no number, or not within its range.
    """
    given: dict[str, Any] = {}
    for name, top in asdict(highest).items():
        if name not in query:
            continue
        kind, lowest = type(top), int(name == "steps")
        try:
            value = kind(query[name])
        except ValueError:
            value = -1
        if not lowest <= value <= top:
            raise StreamError(f"The link's {name} is not from {lowest} to {top:g}: copy the whole link again.")
        given[name] = value
    return replace(usual, **given)


def is_own_address(address: str) -> bool:
    """Tell whether an address leads to the computer itself, so that a link with it opens on no other."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
