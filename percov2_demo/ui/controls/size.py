"""A target size: a slider over bytes on a logarithmic scale, with the presets as marks."""

from collections.abc import Mapping
from functools import cache
from math import log

import gradio as gr

from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.scripts import size_script
from percov2_demo.ui.templates import render


SMALLEST, LARGEST = 60, 6000
"""Bytes at the ends of the scale."""

POSITIONS = 100
"""Steps of the slider; at 0 there is no target."""

_ROUND = [*range(100, 1000, 100), *range(1000, LARGEST + 1, 1000)]
"""Sizes that people ask for: each is a step of the slider."""


class SizeControl:
    """The slider, and beside it what it stands for.

    Args:
        element_id: Identity of the slider on the page.
        marks: Bytes that have a name, which stands under the slider.
        position: Where the slider is at first.
        optional: Whether the slider's left end stands for no target.
    """

    def __init__(self, element_id: str, marks: Mapping[str, float], position: int = 0, optional: bool = True):
        with gr.Group():
            self.slider = gr.Slider(
                0 if optional else 1,
                POSITIONS,
                position,
                step=1,
                label="Target size",
                info="The preset that suits, refined up to so many bytes."
                + " On the left, the preset as it is." * optional,
                elem_id=element_id,
                elem_classes="scale",
            )
            self.told = gr.HTML(_told_html(element_id, marks, position))
        self.slider.change(None, self.slider, js=size_script(element_id, _sizes()), **PAGE_EVENT)


def bytes_at(position: int) -> int:
    """Return the bytes that a position of the slider stands for, from 1 on."""
    return _sizes()[position - 1]


def position_of(size: float) -> int:
    """Return the slider's position that is nearest to so many bytes."""
    return min(range(1, POSITIONS + 1), key=lambda position: abs(bytes_at(position) - size))


@cache
def _sizes() -> tuple[int, ...]:
    """Return the bytes of all positions: a geometric row, in which round numbers stand for those nearest to them."""
    ratio = (LARGEST / SMALLEST) ** (1 / (POSITIONS - 1))
    sizes = [round(SMALLEST * ratio**step) for step in range(POSITIONS)]
    for size in _ROUND:
        sizes[round(log(size / SMALLEST, ratio))] = size
    return tuple(sizes)


def _told_html(element_id: str, marks: Mapping[str, float], position: int) -> str:
    """Draw the names of some sizes, and the largest, where the slider has them; below, say what it stands for."""
    names = {position_of(size): name for name, size in marks.items()} | {POSITIONS: f"{LARGEST:,} bytes"}
    return render(
        "controls/size.html",
        element_id=element_id,
        marks=[(place, _anchor(place), name) for place, name in names.items()],
        told=f"{bytes_at(position):,} bytes" if position else "the preset as it is",
    )


def _anchor(position: int) -> str:
    """Return which part of a name stands at its position, so that none leaves the drawing."""
    return "start" if position < POSITIONS // 10 else "end" if position > POSITIONS - POSITIONS // 10 else "middle"
