"""Where a stream's bits are: maps over the photo of the bits of each index, and of the order in which they travel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.entropy.schedules import stream_groups
from percov2_demo.ui.render.colours import colours, picture_uri
from percov2_demo.ui.server.files import file_url
from percov2_demo.ui.templates import render


_SCALE = "Viridis"
_MAX_LEGEND_ENTRIES = 6


def maps_html(stream: Bitstream, information: NDArray[np.float64], photo: str) -> str:
    """Lay both maps of a stream side by side.

    Args:
        stream: The stream.
        information: Bits `(rows, columns)` of each index, 0 for those that are not sent.
        photo: Path of the picture beneath.
    """
    return render(
        "render/maps.html",
        photo=file_url(photo),
        bits=_bits_map(information),
        order=_order_map(transmission_order(stream), stream),
    )


def transmission_order(stream: Bitstream) -> NDArray[np.int64]:
    """Number `(rows, columns)` of the group in which each index travels, from 0, also of groups that are not sent."""
    order = np.empty(stream.indices.shape, np.int64)
    for number, group in enumerate(stream_groups(stream.header)):
        order.flat[group] = number
    return order


def _bits_map(information: NDArray[np.float64]) -> dict[str, Any]:
    lowest, highest = float(information.min()), float(information.max())
    is_flat = highest == lowest
    return {
        "overlay": _overlay(np.zeros_like(information) if is_flat else (information - lowest) / (highest - lowest)),
        "lowest": f"{lowest:.1f}",
        "highest": f"{highest:.1f}",
        "each": f"{highest:.0f}" if is_flat else "",
        "stops": ", ".join(_css(colour) for colour in colours(_SCALE, np.linspace(0, 1, 9))),
        "total": f"{information.sum():,.0f}",
        "count": information.size,
    }


def _order_map(order: NDArray[np.int64], stream: Bitstream) -> dict[str, Any]:
    last = int(order.max())
    sent = last + 1 if stream.withheld is None else stream.withheld.sent
    numbers = np.unique(np.linspace(0, last, min(last + 1, _MAX_LEGEND_ENTRIES)).round().astype(int))
    return {
        "overlay": _overlay(order / max(last, 1)),
        "coding": stream.entropy,
        "count": last + 1,
        "sent": sent,
        "legend": zip(numbers + 1, map(_css, colours(_SCALE, numbers / max(last, 1))), strict=True),
    }


def _overlay(shares: NDArray[np.float64]) -> str:
    """Return the address of a picture of one pixel an index."""
    return picture_uri(Image.fromarray(colours(_SCALE, shares)))


def _css(colour: Sequence[int]) -> str:
    return "rgb({},{},{})".format(*colour)
