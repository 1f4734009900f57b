"""Show the link of a stream, its QR code and the stream as text, all to be copied."""

from html import escape
from pathlib import Path

import gradio as gr

from percov2_demo.ui.links import link_to, stream_text


_COPY_SCRIPT = Path(__file__).with_name("copy.js")

_MAX_QR_BYTES = 2953
"""What a QR code of version 40 holds at its lowest level of error correction (ISO/IEC 18004, table 7)."""


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
