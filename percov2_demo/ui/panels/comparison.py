"""A viewer for a picture before and after: divider, side by side, flip, zoom; all with mouse, touch and keyboard.

`gr.ImageSlider` has no keyboard, no alternative texts, and smooths what it enlarges.
"""

from pathlib import Path

import gradio as gr

from percov2_demo.ui.server.files import file_url
from percov2_demo.ui.templates import render


COMPARISON_SCRIPT = Path(__file__).with_name("comparison.js")

_MODES = (("divider", "Before | after"), ("beside", "Side by side"), ("flip", "Flip"))
_TOOLS = (
    ("out", "−", "Zoom out"),
    ("fit", "1×", "Whole picture"),
    ("in", "+", "Zoom in"),
    ("pixels", "Pixels", "Show pixels as squares when enlarged"),
    ("fullscreen", "Full screen", "Full screen"),
)


def create_comparison(**options: str) -> gr.HTML:
    """Return a component of `comparison_html`'s values; divider and zoom survive a new picture of the same photo."""
    return gr.HTML(js_on_load=COMPARISON_SCRIPT.read_text("utf-8"), **options)


def comparison_html(
    original: str,
    result: str | None,
    size: tuple[int, int],
    is_preview: bool = False,
    told: str = "",
    names: tuple[str, str] = ("", ""),
) -> str:
    """Lay out the viewer with its pictures.

    Args:
        original: Path of the photo as the codec saw it.
        result: Path of the picture that is compared with it; None shows the photo alone.
        size: Width and height in pixels of both.
        is_preview: Whether the picture is not finished yet.
        told: What a full screen tells of the picture, where nothing else does.
        names: What the two are called, where they are not a photo and its picture.
    """
    width, height = size
    return render(
        "panels/comparison.html",
        original=file_url(original),
        result=file_url(result) if result else "",
        label="Preview" if is_preview else "From the file",
        told=told,
        names=names,
        ratio=f"{width / height:.4f}",
        modes=_MODES if result else (),
        tools=_TOOLS,
    )
