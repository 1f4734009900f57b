"""Where a stream's bits are: maps over the photo of the bits of each index, and of the order in which they travel."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.entropy.schedules import stream_groups
from percov2_demo.ui.render.colours import colours, picture_uri
from percov2_demo.ui.server.files import file_url


_SCALE = "Viridis"
_MAX_LEGEND_ENTRIES = 6


def maps_html(stream: Bitstream, information: NDArray[np.float64], photo: str) -> str:
    """Both maps of a stream, side by side.

    Args:
        stream: The stream.
        information: Bits `(rows, columns)` of each index, 0 for those that are not sent.
        photo: Path of the picture beneath.
    """
    order = transmission_order(stream)
    return (
        '<section class="tiles" style="--columns:2;--tile:0px" aria-label="Maps of the bits">'
        f"{_bits_figure(information, photo)}{_order_figure(order, stream, photo)}</section>"
    )


def transmission_order(stream: Bitstream) -> NDArray[np.int64]:
    """Number `(rows, columns)` of the group in which each index travels, from 0, also of groups that are not sent."""
    order = np.empty(stream.indices.shape, np.int64)
    for number, group in enumerate(stream_groups(stream.header)):
        order.flat[group] = number
    return order


def _bits_figure(information: NDArray[np.float64], photo: str) -> str:
    lowest, highest = float(information.min()), float(information.max())
    share = (information - lowest) / (highest - lowest) if highest > lowest else np.zeros_like(information)
    if highest > lowest:
        stops = ", ".join(_css(colour) for colour in colours(_SCALE, np.linspace(0, 1, 9)))
        legend = (
            f'<p class="ramp"><span>{lowest:.1f}</span><i style="background:linear-gradient(90deg, {stops})"></i>'
            f"<span>{highest:.1f} bits</span></p>"
        )
    else:
        legend = f"<p>{highest:.0f} bits each</p>"
    total = information.sum()
    spoken = f"Bits of each token, from {lowest:.1f} to {highest:.1f}"
    text = f"<b>Bits per token</b> {total:,.0f} bits in {information.size} tokens. Bright: hard to predict."
    return _figure(share, photo, spoken, text + legend)


def _order_figure(order: NDArray[np.int64], stream: Bitstream, photo: str) -> str:
    last = int(order.max())
    share = order / last if last else np.zeros(order.shape)
    sent = last + 1 if stream.withheld is None else stream.withheld.sent
    numbers = np.unique(np.linspace(0, last, min(last + 1, _MAX_LEGEND_ENTRIES)).round().astype(int))
    entries = "".join(
        f'<span class="key" style="--colour:{_css(colour)}">{number + 1}{"" if number < sent else " drawn"}</span>'
        for number, colour in zip(numbers, colours(_SCALE, numbers / max(last, 1)), strict=True)
    )
    groups = "group" if last == 0 else "groups"
    text = f"<b>Order of transmission</b> {escape(stream.entropy)}, {last + 1} {groups}"
    text += "." if last == 0 else ", each predicted from those before it."
    if sent <= last:
        text += f" {last + 1 - sent} not sent but drawn by the decoder."
    return _figure(
        share, photo, f"Order of transmission in {last + 1} {groups}", f'{text}<p class="keys">{entries}</p>'
    )


def _figure(share: NDArray[np.float64], photo: str, spoken: str, caption: str) -> str:
    """The photo with a picture of one pixel an index over it."""
    overlay = picture_uri(Image.fromarray(colours(_SCALE, share)))
    return (
        f'<figure><div class="overlay"><img src="{escape(file_url(photo))}" alt="">'
        f'<img src="{overlay}" alt="{escape(spoken)}"></div><figcaption>{caption}</figcaption>'
        "</figure>"
    )


def _css(colour: Sequence[int]) -> str:
    return "rgb({},{},{})".format(*colour)
