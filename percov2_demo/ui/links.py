"""A stream as text, as a link and as a QR code: the picture is its own address, and no server keeps it."""

import base64
import binascii
import re
from html import escape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import gradio as gr

from percov2_demo.bitstream import MAX_BYTES, BitstreamError


PARAMETER = "s"
"""Name of the stream in a link's query."""

_COPY_SCRIPT = Path(__file__).with_name("copy.js")

_MAX_TEXT = 4096 + MAX_BYTES * 4 // 3
"""Characters of the longest link worth reading."""

_MAX_QR_BYTES = 2953
"""What a QR code of version 40 holds at its lowest level of error correction (ISO/IEC 18004, table 7)."""


def stream_text(data: bytes) -> str:
    """A stream in base64url (RFC 4648, section 5) without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_stream_text(text: str) -> bytes:
    """The stream of a text, or of a link that carries one; spaces and line breaks do not matter.

    Raises:
        BitstreamError: It is neither.
    """
    compact = re.sub(r"\s+", "", text[: _MAX_TEXT + 1])
    if len(compact) > _MAX_TEXT:
        raise BitstreamError("This text is too long to be a picture.")
    try:
        if "?" in compact:
            compact = parse_qs(urlsplit(compact).query).get(PARAMETER, [""])[0]
        digits = compact.rstrip("=").replace("+", "-").replace("/", "_")
        data = base64.b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):  # A character beyond ASCII, or half an IPv6 address, is a plain ValueError.
        data = b""
    if not data:
        raise BitstreamError("This is not a picture's text or link: copy the whole of it and paste it again.")
    return data


def link_to(address: str, data: bytes) -> str:
    """The link that opens a stream.

    Args:
        address: Where the page is, without query.
        data: The stream.
    """
    return f"{address}?{PARAMETER}={stream_text(data)}"


def create_link() -> gr.HTML:
    """A component whose values are `link_html`'s."""
    return gr.HTML(js_on_load=_COPY_SCRIPT.read_text("utf-8"))


def link_html(address: str, data: bytes) -> str:
    """The link of a stream with its QR code, and the stream as text, all to be copied.

    Args:
        address: As in `link_to`; it comes from a visitor's browser.
        data: The stream.
    """
    link = link_to(address, data)
    return (
        '<section class="breakdown share" aria-label="The picture as a link"><h3>The picture is its own link</h3>'
        '<div class="share-grid"><div><p>All of the picture is in this address: whoever opens it sees it painted. '
        "No server keeps anything.</p>"
        f"{_copyable('Link', link)}{_copyable('The whole file, as text', stream_text(data))}</div>{_qr_html(link)}"
        "</div></section>"
    )


def _copyable(label: str, text: str) -> str:
    return (
        f'<div class="copyable"><h4>{label}</h4><button type="button" class="copy" aria-label="Copy: {label}">Copy'
        f'</button><code tabindex="0" aria-label="{label}">{escape(text)}</code></div>'
    )


def _qr_html(link: str) -> str:
    if len(link.encode()) > _MAX_QR_BYTES:
        return f"<p>A QR code holds {_MAX_QR_BYTES:,} bytes, and this link is longer.</p>"
    import segno

    code = segno.make(link, error="l", micro=False, boost_error=False)
    drawing = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return (
        f'<figure class="qr"><div role="img" aria-label="QR code of the link">{drawing}</div>'
        f"<figcaption>QR code, {len(link):,} characters</figcaption></figure>"
    )
