"""A stream on its way, group by group, as maps and a chart that the browser steps through by itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from percov2_demo.bitstream import Bitstream
from percov2_demo.evaluation.published import published_caption_bytes, published_transmission
from percov2_demo.presets import get_preset
from percov2_demo.ui.render.colours import picture_uri
from percov2_demo.ui.render.token_maps import SCALE_CSS, cells, heat_layer, picture_layer, token_map
from percov2_demo.ui.render.wording import counted
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.entropy.trace import GroupTrace

ELEMENT_ID = "transmission"

_SWATCH_SIDE = 24
"""Pixels of the photo in the legend."""


def transmission_html(
    photo: Image.Image, stream: Bitstream, traces: "Sequence[GroupTrace]", received: int, element_id: str = ELEMENT_ID
) -> str:
    """Return all steps of a transmission, of which one is seen; `step_script` shows another.

    Args:
        photo: The picture as the codec sees it.
        stream: Its stream, with all tokens.
        traces: What happens when the stream is coded.
        received: Groups that have arrived, from 0 to all.
        element_id: The element's id, for `step_script`.
    """
    top = get_preset(stream.preset).bits_per_index
    grid = stream.indices.shape
    drawn = _cells(traces, grid, received)
    return render(
        "render/transmission.html",
        element_id=element_id,
        received=received,
        groups=[_words(trace) for trace in traces],
        total=f"{sum(trace.spent.sum() for trace in traces):,.0f}",
        packed=f"{stream.indices.size * top:,}",
        top=top,
        scale=SCALE_CSS,
        swatch=picture_uri(ImageOps.fit(photo, (_SWATCH_SIDE, _SWATCH_SIDE))),
        arrived=token_map(grid, [picture_layer(photo, grid), drawn], "Tokens that have arrived"),
        expected=token_map(
            grid,
            [*_expectations(traces, top, received), drawn],
            "Entropy of the prediction of each missing token, in bits",
        ),
        cost=token_map(
            grid, [heat_layer(_spent(traces, grid), top), drawn], "Bits spent on each token that has arrived"
        ),
        states=[_state(number, received) for number in range(len(traces) + 1)],
        **_chart(stream, traces),
    )


def _state(group: int, received: int) -> str:
    return "known" if group < received else "sent" if group == received else "unknown"


def _cells(traces: "Sequence[GroupTrace]", grid: tuple[int, int], received: int) -> str:
    """The cells of all groups; the first group is number 1."""
    return "".join(
        cells(trace.positions, grid[1], f'data-group="{number}" data-state="{_state(number, received)}"')
        for number, trace in enumerate(traces, start=1)
    )


def _expectations(traces: "Sequence[GroupTrace]", top: int, received: int) -> list[str]:
    return [
        heat_layer(trace.expected, top, f'data-step="{step}"{" hidden" * (step != received)}')
        for step, trace in enumerate(traces)
    ]


def _spent(traces: "Sequence[GroupTrace]", grid: tuple[int, int]) -> np.ndarray:
    spent = np.full(grid, np.nan)
    for trace in traces:
        spent.flat[trace.positions] = trace.spent
    return spent


def _words(trace: "GroupTrace") -> dict[str, str]:
    """Say what the model expects before a group, and what the group takes."""
    return {
        "missing": f"{np.isfinite(trace.expected).sum():,}",
        "expected": f"{np.nanmean(trace.expected):.1f}",
        "tokens": counted(len(trace.positions), "token"),
        "bits": f"{trace.spent.sum():,.0f}",
        "each": f"{trace.spent.mean():.1f}",
    }


def _chart(stream: Bitstream, traces: "Sequence[GroupTrace]") -> dict[str, Any]:
    """Return bytes by part after each group, and what is published for the same group."""
    container, caption = stream.part_sizes.container, stream.part_sizes.caption
    payloads = [caption, *(trace.payload_bytes for trace in traces)]
    series = published_transmission(stream.preset, stream.entropy)
    rates = series.results["bpp"] if series else ()
    published = {number: bpp * stream.width * stream.height / 8 for number, bpp in enumerate(rates, start=1)}
    return {
        "bars": [{"spatial": payload - caption, "caption": caption, "container": container} for payload in payloads],
        "published": published,
        "largest": max([container + payloads[-1], *published.values()]),
        "source": series and str(series.source),
        "caption_bytes": series and published_caption_bytes(stream.preset),
    }
