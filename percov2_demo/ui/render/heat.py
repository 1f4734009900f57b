"""Maps of where pictures differ, on a linear scale, and the bar that says what their colours mean."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.ui.render.colours import colours
from percov2_demo.ui.templates import render


SCALE = "Inferno"
"""Plotly's and matplotlib's name of the colours, from black for 0."""


def heat_map(values: NDArray[np.floating], peak: float) -> Image.Image:
    """Draw a map `(H, W)` in colours, on a linear scale: 0 is black, `peak` and more is the lightest."""
    levels = np.clip(values / peak * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(_colour_table()[levels])


def colour_bar_html(peak: float, quantity: str) -> str:
    """Lay out the bar of `heat_map`.

    Args:
        peak: What the lightest colour stands for, and more.
        quantity: What the numbers are, such as "levels of 255".
    """
    stops = [f"rgb({red},{green},{blue})" for red, green, blue in _colour_table()[:: 255 // 5]]
    return render("render/colour_bar.html", stops=", ".join(stops), quantity=quantity, peak=f"{peak:g}")


@cache
def _colour_table() -> NDArray[np.uint8]:
    return colours(SCALE, np.linspace(0, 1, 256))
