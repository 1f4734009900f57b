"""Show the link of a stream, its QR code and the stream as text, all to be copied."""

from pathlib import Path
from typing import Any

import gradio as gr

from percov2_demo.ui.links import is_own_address, stream_text
from percov2_demo.ui.templates import render


_COPY_SCRIPT = Path(__file__).with_name("copy.js")

_MAX_QR_BYTES = 2953
"""What a QR code of version 40 holds at its lowest level of error correction (ISO/IEC 18004, table 7)."""


def create_link() -> gr.HTML:
    """Return a component whose values are `link_html`'s."""
    return gr.HTML(js_on_load=_COPY_SCRIPT.read_text("utf-8"))


def link_html(link: str, data: bytes) -> str:
    """Lay out the link of a stream with its QR code, and the stream as text, all to be copied.

    Args:
        link: As `links.link_to` gives it.
        data: The stream.
    """
    return render(
        "panels/link.html",
        copies=[("Link", link), ("The whole file, as text", stream_text(data))],
        is_own=is_own_address(link),
        drawing=_qr_drawing(link),
        link=link,
        largest=_MAX_QR_BYTES,
    )


def _qr_drawing(link: str) -> Any:
    """Draw a link's QR code as SVG; None where it holds too much."""
    if len(link.encode()) > _MAX_QR_BYTES:
        return None
    import segno
    from markupsafe import Markup

    code = segno.make(link, error="l", micro=False, boost_error=False)
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None))
