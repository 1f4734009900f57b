"""How far the painting is, in the page's own looks: gradio's bar hides whenever a picture arrives."""

import time
from collections.abc import Callable
from html import escape

import gradio as gr

from percov2_demo.ui.jobs.painting import Loading
from percov2_demo.ui.render.wording import format_size


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
    return (
        f'<p role="status">Painting{what and " "}{what}, step {step} of {steps}{left}</p>'
        f'<progress max="{steps}" value="{step}" aria-label="Steps"></progress>'
    )


def loading_html(loading: Loading) -> str:
    """Return a bar of a painter's download, or that it is read from the disk."""
    name = escape(loading.painter)
    if not loading.total:
        return f'<p role="status">Loading {name}, for the first time</p><progress aria-label="Loading"></progress>'
    sizes = f"{format_size(loading.arrived)} of {format_size(loading.total)}"
    return (
        f'<p role="status">Downloading {name}: {sizes}</p>'
        f'<progress max="{loading.total}" value="{loading.arrived}" aria-label="Download"></progress>'
    )


def rest_html(text: str) -> str:
    """Return the line that says how painting ended."""
    return f'<p role="status">{text}</p>'


def progress_clock(steps: int, what: str = "") -> Callable[[int], str]:
    """Start a clock now; it gives `progress_html` of the steps that are done."""
    started = time.perf_counter()

    def told(step: int) -> str:
        elapsed = time.perf_counter() - started
        return progress_html(step, steps, elapsed / step * (steps - step) if step else None, what)

    return told
