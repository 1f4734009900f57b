"""Maps of tokens as SVG: a cell for each token, groups of cells that CSS tells apart, values as colours.

They are drawn here and not by a template: most of the text is coordinates.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from percov2_demo.ui.render.colours import picture_uri


_STOPS = np.array([[13, 8, 135], [126, 3, 168], [204, 71, 120], [248, 149, 64], [240, 249, 33]])
"""Five colours of matplotlib's "plasma", from dark for few bits to bright for many."""

_FINE = 16
"""With more cells along a side, lines between them are thinner."""

SCALE_CSS = "linear-gradient(90deg, " + ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in _STOPS) + ")"
"""The scale of `heat` as a CSS image, from 0 on the left to the top on the right."""


def token_map(grid: tuple[int, int], layers: Sequence[str], label: str) -> Markup:
    """Return a map of tokens in which a cell is one unit wide.

    Args:
        grid: Rows and columns.
        layers: Markup of what is drawn, from the bottom to the top.
        label: What screen readers say.
    """
    rows, columns = grid
    lines = "".join(f"M0 {row}H{columns}" for row in range(1, rows))
    lines += "".join(f"M{column} 0V{rows}" for column in range(1, columns))
    fine = " fine" if max(grid) > _FINE else ""
    return Markup(
        f'<svg class="token-map{fine}" viewBox="0 0 {columns} {rows}" role="img" aria-label="{label}">'
        f'{"".join(layers)}<path class="lines" d="{lines}"/></svg>'
    )


def cells(positions: ArrayLike, columns: int, attributes: str) -> str:
    """Return cells as one path.

    Args:
        positions: In the flattened map.
        columns: Columns of the map.
        attributes: Of the path's element.
    """
    squares = (divmod(int(position), columns) for position in np.asarray(positions))
    return f'<path {attributes} d="{"".join(f"M{column} {row}h1v1h-1z" for row, column in squares)}"/>'


def picture_layer(picture: Image.Image, grid: tuple[int, int]) -> str:
    """Return a picture under the cells."""
    return _image(picture, grid, "")


def heat_layer(bits: NDArray[np.float64], top: float, attributes: str = "") -> str:
    """Return values as colours, one pixel for each cell.

    Args:
        bits: `(rows, columns)`; NaN leaves a cell as it is.
        top: The value of the brightest colour; larger values have it too.
        attributes: Of the layer's element.
    """
    known = np.isnan(bits)
    shares = np.where(known, 0, bits).clip(0, top) / top
    stops = np.linspace(0, 1, len(_STOPS))
    channels = [np.interp(shares, stops, _STOPS[:, channel]) for channel in range(3)]
    pixels = np.stack([*channels, np.where(known, 0, 255)], axis=-1).round().astype(np.uint8)
    return _image(Image.fromarray(pixels), bits.shape, f'class="heat" {attributes}')


def _image(picture: Image.Image, grid: tuple[int, int], attributes: str) -> str:
    rows, columns = grid
    size = f'width="{columns}" height="{rows}" preserveAspectRatio="none"'
    return f'<image {attributes} {size} href="{picture_uri(picture)}"/>'
