"""Charts of rate, distortion and perception: what was measured, and what others published of the same pictures.

A chart shows one dataset at one resolution under one protocol and never mixes them; published figures of the same
pictures under another protocol get a chart of their own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import plotly.graph_objects as go
from plotly.colors import qualitative

from percov2_demo.evaluation.published import MEASURED_METRICS, PublishedSet
from percov2_demo.metrics import METRICS


RATE = "file_bpp"

PAIRS = (
    (RATE, "psnr"),
    (RATE, "ms_ssim"),
    (RATE, "deep_distance"),
    (RATE, "deep_realism"),
    (RATE, "lpips"),
    (RATE, "colour_shift"),
    ("deep_realism", "deep_distance"),
    ("deep_realism", "psnr"),
    ("lpips", "psnr"),
)
"""Columns on the axes of each chart; a chart without points is left out."""

PUBLISHED_COLUMNS = {RATE: "bpp", **MEASURED_METRICS}
"""What published figures call our columns."""

COLOURS = qualitative.D3
"""Colours of the curves, in their order."""

OURS, CLASSICAL, PUBLISHED = ("circle", "solid"), ("square", "dot"), ("diamond-open", "dash")
"""Marker and line of a curve's kind."""


@dataclass(frozen=True)
class Curve:
    """Points of one codec.

    Args:
        name: What the legend calls it.
        style: Marker and line, one of `OURS`, `CLASSICAL`, `PUBLISHED`.
        points: Columns by name, one dict a point.
        labels: What a point is called when it is pointed at.
    """

    name: str
    style: tuple[str, str]
    points: Sequence[dict[str, Any]]
    labels: Sequence[str]


def curves_of(points: Sequence[dict[str, Any]], default_strength: dict[str, float]) -> list[Curve]:
    """Return our curves, one over the presets for each setting of the decoder.

    Args:
        points: Rows of the summary.
        default_strength: The model's strength for each preset; points that have it form one curve.
    """
    curves: dict[str, list[dict[str, Any]]] = {}
    paints = any(default_strength.values())
    for point in points:
        strength = point["strength"]
        is_default = strength == default_strength[point["preset"]]
        settings = f"{point['steps']} steps, guidance {point['guidance']:g}"
        if strength == 0 and not (is_default and paints):
            settings = "the estimate alone"
        elif not is_default:
            settings += f", strength {strength:g}"
        curves.setdefault(f"PerCoV2 Explorer, {settings}", []).append(point)
    return [Curve(name, OURS, members, [point["preset"] for point in members]) for name, members in curves.items()]


def baseline_curves(points: Sequence[dict[str, Any]], labels: dict[str, str]) -> list[Curve]:
    """Return the classical codecs' curves; `labels` are their names for people."""
    curves: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        curves.setdefault(point["codec"], []).append(point)
    return [
        Curve(labels[codec], CLASSICAL, members, [_baseline_label(point) for point in members])
        for codec, members in curves.items()
    ]


def published_curves(published: PublishedSet) -> list[Curve]:
    """Return a curve for each series of published figures."""
    curves = []
    for series in published.series:
        count = len(next(iter(series.results.values())))
        shared = {ours: theirs for ours, theirs in PUBLISHED_COLUMNS.items() if theirs in series.results}
        points = [{ours: series.results[theirs][i] for ours, theirs in shared.items()} for i in range(count)]
        curves.append(Curve(series.label, PUBLISHED, points, [str(series.source)] * count))
    return curves


def draw(curves: Iterable[Curve], subtitle: str, pairs: Iterable[tuple[str, str]] = PAIRS) -> list[go.Figure]:
    """Draw a chart for each pair of columns that a curve of ours has or, where none is ours, any.

    A curve has the same colour in all charts.
    """
    coloured = list(zip(curves, cycle(COLOURS), strict=False))
    decisive = [curve for curve, _ in coloured if curve.style == OURS] or [curve for curve, _ in coloured]
    figures = []
    for x, y in pairs:
        if any(_has(point, x, y) for curve in decisive for point in curve.points):
            shown = [(c, colour) for c, colour in coloured if any(_has(point, x, y) for point in c.points)]
            figures.append(_figure([_trace(curve, colour, x, y) for curve, colour in shown], x, y, subtitle))
    return figures


def _trace(curve: Curve, colour: str, x: str, y: str) -> go.Scatter:
    shown = sorted(
        (point[x], point[y], label)
        for point, label in zip(curve.points, curve.labels, strict=True)
        if _has(point, x, y)
    )
    xs, ys, labels = zip(*shown, strict=True)
    symbol, dash = curve.style
    return go.Scatter(
        x=xs,
        y=ys,
        text=labels,
        name=curve.name,
        mode="lines+markers",
        marker={"symbol": symbol, "size": 9, "color": colour},
        line={"dash": dash, "color": colour},
        hovertemplate="%{text}<br>%{x:.4g}, %{y:.4g}<extra>%{fullData.name}</extra>",
    )


def _figure(traces: Sequence[go.Scatter], x: str, y: str, subtitle: str) -> go.Figure:
    figure = go.Figure(list(traces))
    figure.update_layout(
        title={"text": f"{_title(y)} over {_within(_title(x))}", "subtitle": {"text": subtitle}},
        template="plotly_white",
        height=520,
        legend={"orientation": "h", "y": -0.2},
    )
    figure.update_xaxes(title=_axis(x), type="log" if x == RATE else "linear")
    figure.update_yaxes(title=_axis(y))
    return figure


def _title(column: str) -> str:
    return "Rate" if column == RATE else METRICS[column].label


def _within(title: str) -> str:
    """Write a title as it stands within a sentence: "rate", but "LPIPS"."""
    return title if title.isupper() else title[0].lower() + title[1:]


def _axis(column: str) -> str:
    if column == RATE:
        return "bits per pixel (measured: whole file; published: as stated)"
    metric = METRICS[column]
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.label}{unit}, {metric.better} is better"


def _has(point: dict[str, Any], x: str, y: str) -> bool:
    return point.get(x) is not None and point.get(y) is not None


def _baseline_label(point: dict[str, Any]) -> str:
    if point["fits"] == point["pictures"]:
        return f"at the bytes of {point['preset']}"
    if not point["fits"]:
        return "the smallest file it can make"
    return f"at the bytes of {point['preset']}, or the smallest file it can make"
