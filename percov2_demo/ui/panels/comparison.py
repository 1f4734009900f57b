"""A viewer for a picture before and after: divider, side by side, flip, zoom; all with mouse, touch and keyboard.

`gr.ImageSlider` has no keyboard, no alternative texts, and smooths what it enlarges.
"""

from html import escape
from pathlib import Path

import gradio as gr

from percov2_demo.ui.server.files import file_url


COMPARISON_SCRIPT = Path(__file__).with_name("comparison.js")

_MODES = {"divider": "Before | after", "beside": "Side by side", "flip": "Flip"}
_TOOLS = {
    "out": ("−", "Zoom out"),
    "fit": ("1×", "Whole picture"),
    "in": ("+", "Zoom in"),
    "pixels": ("Pixels", "Show pixels as squares when enlarged"),
    "fullscreen": ("Full screen", "Full screen"),
}


def create_comparison(**options: str) -> gr.HTML:
    """A component whose values are `comparison_html`'s; divider and zoom survive a new picture of the same photo."""
    return gr.HTML(js_on_load=COMPARISON_SCRIPT.read_text("utf-8"), **options)


def comparison_html(original: str, result: str | None, size: tuple[int, int], is_preview: bool = False) -> str:
    """The viewer with its pictures.

    Args:
        original: Path of the photo as the codec saw it.
        result: Path of the picture that is compared with it; None shows the photo alone.
        size: Width and height in pixels of both.
        is_preview: Whether the picture is not finished yet.
    """
    width, height = size
    panes = _pane("original", original, "Original", "The original photo, as the codec sees it")
    if result is None:
        modes, divider = "", ""
    else:
        label = "Preview" if is_preview else "From the file"
        panes += _pane("result", result, label, "The photo painted back from the file")
        modes = "".join(
            f'<button type="button" data-mode="{mode}" aria-pressed="{str(mode == "divider").lower()}">{text}</button>'
            for mode, text in _MODES.items()
        )
        divider = (
            '<div class="divider" role="slider" tabindex="0" aria-label="Divider between before and after" '
            'aria-valuemin="0" aria-valuemax="100" aria-valuenow="50"></div>'
        )
    tools = "".join(
        f'<button type="button" data-tool="{tool}" aria-label="{name}" title="{name}">{text}</button>'
        for tool, (text, name) in _TOOLS.items()
    )
    return (
        f'<section class="comparison{" alone" if result is None else ""}" data-mode="divider" '
        f'aria-label="Before and after" style="--ratio:{width / height:.4f}">'
        f'<div class="toolbar"><div>{modes}</div><div>{tools}</div></div>'
        f'<div class="stage">{panes}{divider}</div>'
        '<p class="keys">← → move the divider · 1 2 3 before, both, after · space flips · + − 0 zoom · drag to move'
        "</p></section>"
    )


def _pane(name: str, path: str, label: str, spoken: str) -> str:
    return (
        f'<figure class="pane {name}"><img src="{escape(file_url(path))}" alt="{spoken}" draggable="false">'
        f"<figcaption>{label}</figcaption></figure>"
    )
