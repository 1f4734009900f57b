"""How far the painting is, in the page's own looks: gradio's bar hides whenever a picture arrives."""

import time
from collections.abc import Callable

import gradio as gr

from percov2_demo.ui.jobs.painting import Loading
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.templates import render


def create_progress() -> gr.HTML:
    """Return a component of `progress_html`'s values; until the first, gradio shows the place in the queue on it."""
    return gr.HTML(min_height=56)


def progress_html(step: int, steps: int, seconds_left: float | None = None, what: str = "") -> str:
    """Return a bar and what it means.

    Args:
        step: Steps that are done.
        steps: All of them.
        seconds_left: How long the others will take, where that can be told.
        what: What is painted, in a job of several pictures.
    """
    left = "" if seconds_left is None or step == steps else f" · {seconds_left:.0f} s left"
    text = f"Painting{what and ' '}{what}, step {step} of {steps}{left}"
    return _line(text, bar="Steps", step=step, steps=steps)


def loading_html(loading: Loading) -> str:
    """Return a bar of a painter's download, or that it is read from the disk."""
    if not loading.total:
        return _line(f"Loading {loading.painter}, for the first time", bar="Loading")
    sizes = f"{format_size(loading.arrived)} of {format_size(loading.total)}"
    text = f"Downloading {loading.painter}: {sizes}"
    return _line(text, bar="Download", step=loading.arrived, steps=loading.total)


def writing_html() -> str:
    """Return a bar that says that files are about to be written."""
    return _line("Writing the file", bar="Writing")


def rest_html(text: str, lead: str = "") -> str:
    """Return the line that says how painting ended, with what stands before it in bold."""
    return _line(text, lead)


def progress_clock(steps: int, what: str = "") -> Callable[[int], str]:
    """Start a clock now; it gives `progress_html` of the steps that are done."""
    started = time.perf_counter()

    def told(step: int) -> str:
        elapsed = time.perf_counter() - started
        return progress_html(step, steps, elapsed / step * (steps - step) if step else None, what)

    return told


def _line(text: str, lead: str = "", bar: str = "", step: int = 0, steps: int | None = None) -> str:
    """Return a line, and below it a bar of that name, which moves by itself where `steps` is not known."""
    return render("panels/progress.html", text=text, lead=lead, bar=bar, step=step, steps=steps)
