"""Figures that others published, beside a session's runs: only on axes that are the same quantity.

A published rate counts indices and caption without a container, so it is drawn on that axis alone. Where the metric
on the other axis was not published with a rate, the rate is a line across.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import plotly.graph_objects as go

from percov2_demo.evaluation.published import DATASETS, MEASURED_METRICS, PublishedSeries, PublishedSet, load_published
from percov2_demo.ui.render.plots import AXES, COLOURS, PAYLOAD_RATE
from percov2_demo.ui.templates import render


DATASET = "kodak"

SYSTEMS: dict[str, tuple[str, ...]] = {
    "PerCoV2": ("PerCoV2, mean", "PerCoV2, QLDS (S = 12)"),
    "PerCo (SD)": ("PerCo (SD), mean", "PerCo (SD)"),
    "DiffC": ("DiffC (SD 1.5), mean", "DiffC (SD 2.1), mean"),
}
"""Series of published means over `DATASET`; of PerCoV2's orders of indices the best, for each of its two rates."""

_COLUMNS = {PAYLOAD_RATE: "bpp", **MEASURED_METRICS}

_LINE_POINTS = 25
"""A line tells what it is where the pointer is near one of its points."""


@dataclass(frozen=True)
class _Layer:
    """A published series on two axes.

    Attributes:
        published: Its dataset and protocol.
        series: The series.
        colour: Its system's.
        points: Pairs of abscissa and ordinate; empty where the series has not both.
        rates: Bits per pixel, where the series has the rate alone.
    """

    published: PublishedSet
    series: PublishedSeries
    colour: str
    points: Sequence[tuple[float, float]]
    rates: Sequence[float]

    @property
    def rates_text(self) -> str:
        """All rates of the series."""
        return ", ".join(f"{rate:g}" for rate in self.series.results["bpp"])


def add_published(figure: go.Figure, x: str, y: str) -> None:
    """Draw the published figures of two axes into a plot of `plots.preset_scatter`."""
    for layer in _layers(x, y):
        text = f"{layer.series.label}\n{layer.published.label}\n"
        style = {"name": layer.series.name, "showlegend": False, "hoverinfo": "none"}
        if layer.points:
            marker = {"symbol": "diamond-open", "size": 13, "color": layer.colour, "line": {"width": 3}}
            texts = [f"{text}{AXES[y]} {up:.4g}\n{AXES[x]} {across:.4g}" for across, up in layer.points]
            across, up = zip(*layer.points, strict=True)
            data = [[None, "", text] for text in texts]
            figure.add_scatter(x=across, y=up, customdata=data, mode="markers", marker=marker, **style)
        for rate in layer.rates:
            along = [i / (_LINE_POINTS - 1) for i in range(_LINE_POINTS)]
            data = [[None, "", f"{text}{AXES[PAYLOAD_RATE]} {rate:.4g}"]] * _LINE_POINTS
            line = {"color": layer.colour, "width": 2, "dash": "dash"}
            place = {"x": [rate] * _LINE_POINTS, "y": along, "yaxis": "y2"}
            if x != PAYLOAD_RATE:
                place = {"x": along, "y": [rate] * _LINE_POINTS, "xaxis": "x2"}
            figure.add_scatter(**place, customdata=data, mode="lines", line=line, **style)
    # Lines go from edge to edge, whatever the other axis shows.
    edge = {"range": [0, 1], "visible": False, "fixedrange": True}
    figure.update_layout(xaxis2={**edge, "overlaying": "x"}, yaxis2={**edge, "overlaying": "y"})


def has_published(x: str, y: str) -> bool:
    """Tell whether anything was published on two axes."""
    return any(True for _ in _layers(x, y))


def published_html(x: str, y: str) -> str:
    """Return what the published figures on two axes are, with their sources; empty where there are none."""
    layers = list(_layers(x, y))
    if not layers:
        return ""
    return render(
        "render/published_layer.html",
        layers=layers,
        count=DATASETS[DATASET],
        dataset=DATASET.capitalize(),
        other=AXES[y if x == PAYLOAD_RATE else x] if any(layer.rates for layer in layers) else "",
    )


def _layers(x: str, y: str) -> Iterator[_Layer]:
    for published, series, colour in _series():
        columns: Mapping[str, Sequence[float | None]] = {
            ours: series.results[theirs] for ours, theirs in _COLUMNS.items() if theirs in series.results
        }
        if x in columns and y in columns:
            pairs = zip(columns[x], columns[y], strict=True)
            yield _Layer(published, series, colour, [(a, b) for a, b in pairs if a is not None and b is not None], ())
        elif PAYLOAD_RATE in (x, y):
            yield _Layer(published, series, colour, (), [rate for rate in columns[PAYLOAD_RATE] if rate is not None])


@cache
def _series() -> tuple[tuple[PublishedSet, PublishedSeries, str], ...]:
    """Sets, series and colours in the order of `SYSTEMS`."""
    candidates = [(item, series) for item in load_published() if item.dataset == DATASET for series in item.series]
    return tuple(
        (published, series, colour)
        for names, colour in zip(SYSTEMS.values(), COLOURS[3:], strict=False)
        for name in names
        for published, series in candidates
        if series.name == name
    )
