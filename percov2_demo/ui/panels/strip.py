"""The files of one photo at several rates, side by side: a button each, which opens its picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.server.files import file_url, kept_file
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.templates import render


TARGET = "your size"
"""What a file of a chosen size is called, in the place of its preset."""

_SCRIPT = Path(__file__).with_name("strip.js")


@dataclass(frozen=True)
class StripFile:
    """A file as the strip shows it.

    Attributes:
        preset: Name of its preset, or `TARGET`.
        size: Its bytes, in words; empty until it is written.
        number: The run that painted it; 0 until it is painted.
        thumbnail: Where the browser finds its picture in small; empty without.
    """

    preset: str
    size: str = ""
    number: int = 0
    thumbnail: str = ""

    @classmethod
    def of(cls, run: Run) -> "StripFile":
        """Return a run's file."""
        thumbnail = kept_file(run.thumbnail)
        name = TARGET if run.origin is not None and run.origin.target else run.preset
        return cls(name, format_size(run.rates.file_bytes), run.number, file_url(thumbnail) if thumbnail else "")


def create_strip(**options: str) -> gr.HTML:
    """Create a component whose values are `strip_html`'s; its `select` event tells the number of a run."""
    return gr.HTML(js_on_load=_SCRIPT.read_text("utf-8"), **options)


def strip_html(files: Sequence[StripFile], shown: int, keeps_choice: bool = False) -> str:
    """Lay files out as buttons.

    Args:
        files: The files, in their order.
        shown: Number of the run that is open; 0 for none.
        keeps_choice: Whether what the visitor opened among them stays marked instead.
    """
    return render("panels/strip.html", files=files, shown=shown, keeps_choice=keeps_choice)
