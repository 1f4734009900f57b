"""A stream on its way, group by group, as maps and a chart that the browser steps through by itself."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.evaluation.published import PublishedSeries, published_caption_bytes, published_transmission
from percov2_demo.presets import get_preset
from percov2_demo.ui.render.token_maps import SCALE_CSS, cells, heat_layer, picture_layer, token_map


if TYPE_CHECKING:
    from percov2_demo.entropy.trace import GroupTrace

ELEMENT_ID = "transmission"


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
    scale = _scale(top)
    keys = "".join(
        f'<span class="key {state}">{name}</span>'
        for state, name in (("known", "known: the photo shows"), ("sent", "just sent"), ("unknown", "not here yet"))
    )
    grid = stream.indices.shape
    steps = "".join(
        f'<p data-step="{step}"{_hidden(step, received)}>{text}</p>' for step, text in enumerate(_texts(traces, top))
    )
    figures = (
        _figure(
            "What has arrived",
            "Tokens the decoder has so far, over the photo it never sees.",
            token_map(grid, [picture_layer(photo, grid), _groups(traces, grid, received)], "Tokens that have arrived"),
            f'<p class="keys">{keys}</p>',
        ),
        _figure(
            "What the model expects",
            "How unsure it is of each missing token: dark is nearly known, bright could be anything.",
            token_map(
                grid,
                [*_expectations(traces, top, received), _groups(traces, grid, received)],
                "Entropy of the prediction of each missing token, in bits",
            ),
            scale,
        ),
        _figure(
            "What each token cost",
            "Bits it really took: dark is a good guess, bright a surprise.",
            token_map(
                grid,
                [heat_layer(_spent(traces, grid), top), _groups(traces, grid, received)],
                "Bits spent on each token that has arrived",
            ),
            scale,
        ),
    )
    return (
        f'<section class="card" id="{element_id}"><div class="step-text" aria-live="polite">{steps}</div>'
        f'<div class="maps"><div class="arrived">{figures[0]}</div>'
        f'<div class="expected">{figures[1]}</div><div class="cost">{figures[2]}</div></div>'
        f"{_chart(stream, traces, received)}</section>"
    )


def _figure(title: str, sentence: str, drawing: str, legend: str) -> str:
    return f"<figure>{drawing}<figcaption><b>{title}</b>{sentence}</figcaption>{legend}</figure>"


def _scale(top: int) -> str:
    return (
        f'<p class="ramp" role="img" aria-label="Scale from 0 to {top} bits and more"><span>0</span>'
        f'<i style="background:{SCALE_CSS}"></i><span>≥ {top} bits</span></p>'
    )


def _hidden(step: int, received: int) -> str:
    return "" if step == received else " hidden"


def _state(group: int, received: int) -> str:
    return "known" if group < received else "sent" if group == received else "unknown"


def _groups(traces: "Sequence[GroupTrace]", grid: tuple[int, int], received: int) -> str:
    """The cells of all groups; the first group is number 1."""
    return "".join(
        cells(trace.positions, grid[1], f'data-group="{number}" data-state="{_state(number, received)}"')
        for number, trace in enumerate(traces, start=1)
    )


def _expectations(traces: "Sequence[GroupTrace]", top: int, received: int) -> list[str]:
    return [
        heat_layer(trace.expected, top, f'data-step="{step}"{_hidden(step, received)}')
        for step, trace in enumerate(traces)
    ]


def _spent(traces: "Sequence[GroupTrace]", grid: tuple[int, int]) -> np.ndarray:
    spent = np.full(grid, np.nan)
    for trace in traces:
        spent.flat[trace.positions] = trace.spent
    return spent


def _texts(traces: "Sequence[GroupTrace]", top: int) -> list[str]:
    """What happened, in words, after each number of groups."""
    count = traces[0].expected.size
    expectations = [float(np.nanmean(trace.expected)) for trace in traces]
    texts = [
        f"<b>No token has arrived.</b> Of each of the {count:,} the model expects {expectations[0]:.1f} bits; "
        f"without a model each takes {top}."
    ]
    known = 0
    for number, trace in enumerate(traces, start=1):
        size, bits = len(trace.positions), trace.spent.sum()
        known += size
        tokens = "1 token" if size == 1 else f"{size:,} tokens"
        text = f"<b>Group {number} of {len(traces)}: {tokens}, {bits:,.0f} bits</b>, {bits / size:.1f} for each. "
        if number < len(traces):
            text += (
                f"Of each of the {count - known:,} still missing the model expects {expectations[number]:.1f} bits."
            )
        else:
            total = sum(trace.spent.sum() for trace in traces)
            text += f"All {count:,} are here: {total:,.0f} bits; without a model they take {count * top:,}."
        texts.append(text)
    return texts


def _chart(stream: Bitstream, traces: "Sequence[GroupTrace]", received: int) -> str:
    """Bytes after each group, stacked by part, within what is published for the same group."""
    container, caption = stream.part_sizes.container, stream.part_sizes.caption
    payloads = [caption, *(trace.payload_bytes for trace in traces)]
    totals = [container + payload for payload in payloads]
    series = published_transmission(stream.preset, stream.entropy)
    rates = series.results["bpp"] if series else ()
    published = {number: bpp * stream.width * stream.height / 8 for number, bpp in enumerate(rates, start=1)}
    largest = max([totals[-1], *published.values()])
    bars = "".join(
        _bar(
            number,
            {"spatial": payload - caption, "caption": caption, "container": container},
            published.get(number),
            largest,
            received,
        )
        for number, payload in enumerate(payloads)
    )
    keys = "".join(
        f'<span class="key {part}">{name}</span>'
        for part, name in (("spatial", "tokens"), ("caption", "caption"), ("container", "header and check"))
    )
    spoken = ", ".join(str(total) for total in totals)
    if series:
        keys += '<span class="key published">published: PerCoV2</span>'
        spoken += "; published for PerCoV2 after each group: " + ", ".join(
            f"{size:.0f}" for size in published.values()
        )
    return (
        "<h4>Bytes so far</h4>"
        '<p class="muted">What has been sent after each group; the last bar is the whole file.</p>'
        f'<div class="byte-bars" role="img" aria-label="Bytes after each group: {spoken}">{bars}</div>'
        f'<p class="muted" aria-hidden="true">groups received</p><p class="keys">{keys}</p>'
        f"{_source(series, stream.preset) if series else ''}"
    )


def _bar(number: int, parts: dict[str, int], published: float | None, largest: float, received: int) -> str:
    total = sum(parts.values())
    segments = "".join(
        f'<span class="{part}" style="flex:{size} 0 0" title="{part}: {size} B"></span>'
        for part, size in parts.items()
        if size
    )
    outline = ""
    if published is not None:
        outline = f'<u style="--share:{published / largest:.3f}" title="published">{published:.0f}</u>'
    return (
        f'<div data-group="{number}" data-state="{_state(number, received)}">{outline}<b>{total:,}</b>'
        f'<div style="--share:{total / largest:.3f}">{segments}</div><i>{number}</i></div>'
    )


def _source(series: PublishedSeries, preset: str) -> str:
    return (
        f'<p class="muted">Dashed: {escape(str(series.source))}, as bytes of this many pixels. Inferred: that its '
        "rates are of the tokens sent so far, and that the caption is "
        f"{published_caption_bytes(preset)} bytes of each, on 512×512 pixels. Which picture it is, is not stated.</p>"
    )
