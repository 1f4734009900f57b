"""Plots and maps of the labs and the session board."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import log
from statistics import mean, stdev
from typing import Any

import plotly.graph_objects as go

from percov2_demo.presets import get_preset
from percov2_demo.ui.render.wording import counted, painter_label


RATE = "file_bpp"
PAYLOAD_RATE = "payload_bpp"

RATES = (RATE, PAYLOAD_RATE)
"""Columns of a rate in bits per pixel: of the whole file, and of indices and caption without the container."""

LPIPS = "lpips"

AXES: dict[str, str] = {
    "deep_realism": "Deep realism",
    "deep_distance": "Deep distance",
    LPIPS: "LPIPS",
    "psnr": "PSNR",
    "ms_ssim": "MS-SSIM",
    "colour_shift": "Colour shift",
    "agreement": "Agreement with the file",
    RATE: "File rate",
    PAYLOAD_RATE: "Payload rate",
}
"""What an axis can show, by the name of a point's column."""

COLOURS = ("#6366f1", "#f59e0b", "#10b981", "#ec4899", "#0ea5e9", "#a855f7", "#84cc16", "#ef4444")
"""Colours of the curves, in their order; they are read on white and on dark."""

SETTINGS = ("preset", "guidance", "strength", "steps", "seed")

_TELLING = (*SETTINGS, "hold", "painter", "caption")
"""Settings in which runs of one photo can differ, the file's own coding aside."""

_UNORDERED = ("seed", "painter", "caption")

MAX_LABELLED = 12
"""Points of a plot that has labels; of more, the page tells on hovering."""

_LABEL_ROOM = (0.14, 0.08)
"""Width and height that a label takes of a plot, about."""

_RATE_TICKS = [digit * 10.0**power for power in range(-4, 2) for digit in (1, 2, 5)]
_RATE_AXIS = {"type": "log", "tickvals": _RATE_TICKS, "ticktext": [f"{tick:g}" for tick in _RATE_TICKS]}
_GRID, _LINE = "rgba(128, 138, 155, 0.25)", "rgba(128, 138, 155, 0.7)"
_MEAN = "#64748b"


@dataclass(frozen=True)
class Point:
    """A painted picture as a plot shows it.

    Attributes:
        number: What a click on the point tells.
        row: Settings, bytes and metrics by name, see `Outcome.to_row`; what was not measured is None or missing.
        thumbnail: Where the browser finds a small copy; empty where there is none.
        title: What its card says first; may be empty.
        has_default_strength: Whether the strength is the model's for the preset.
    """

    number: int
    row: dict[str, Any]
    thumbnail: str
    title: str = ""
    has_default_strength: bool = False

    @property
    def told_settings(self) -> dict[str, Any]:
        """What the picture depends on besides its photo; the usual strengths of several presets are one value."""
        values = {name: self.row.get(name) for name in _TELLING}
        if self.row["strength"] == 0:
            values |= dict.fromkeys(("guidance", "steps", "seed", "hold", "painter"))
        if self.has_default_strength:
            values["strength"] = "default"
        return values

    def has(self, *columns: str) -> bool:
        """Return whether all of these columns were measured."""
        return all(self.row.get(column) is not None for column in columns)


def axis_choices(with_lpips: bool = False) -> list[tuple[str, str]]:
    """Return choices of a dropdown for an axis; LPIPS is measured only where its weights are."""
    return [(label, column) for column, label in AXES.items() if column != LPIPS or with_lpips]


def preset_colour(preset: str) -> str:
    """Return the colour of a preset's points."""
    return COLOURS[get_preset(preset).code]


def settings_text(row: dict[str, Any], names: Sequence[str]) -> str:
    """Some of a row's settings for people."""
    texts = {
        "preset": row["preset"],
        "guidance": f"guidance {row['guidance']:g}",
        "strength": f"strength {row['strength']:g}",
        "steps": counted(row["steps"], "step"),
        "seed": f"seed {row['seed']}",
        "hold": f"held {row['hold']:.0%}" if row.get("hold") else "",
        "painter": painter_label(row["painter"]) if "painter" in row else "",
    }
    if row["strength"] == 0:
        texts |= {"strength": "the estimate alone", "guidance": "", "steps": "", "seed": "", "hold": "", "painter": ""}
    return " · ".join(texts[name] for name in names if texts[name])


def scatter(points: Sequence[Point], x: str, y: str) -> go.Figure:
    """Return points at their two metrics' values; those that differ in the busiest setting alone form a curve.

    Where seeds of the same settings were painted, their mean stands between them, with its standard deviation.
    Few points have labels of what differs along their curve, where there is room. A point's `customdata` are its
    number, its thumbnail and its settings and values for people.

    Args:
        points: Finished pictures of one photo.
        x: Column of the abscissa, one of `AXES`.
        y: Column of the ordinate.
    """
    varied = _counts(points)
    along = "preset" if x in RATES else max((name for name in SETTINGS if name != "preset"), key=varied.__getitem__)
    names = [name for name in SETTINGS if name != along and varied[name] > 1]
    curves: dict[str, list[Point]] = {}
    for point in points:
        if point.has(x, y):
            curves.setdefault(_curve_name(point, names), []).append(point)
    # A curve over seeds would be a scribble.
    mode = "markers" if along == "seed" else "lines+markers"
    by = x if x in RATES else along
    is_told = along != "seed" and varied[along] > 1
    labels = _labels([point for point in points if point.has(x, y)], along, x, y) if is_told else {}
    figure = go.Figure(
        [
            _trace(name, sorted(members, key=lambda point: point.row[by]), colour, mode, x, y, labels=labels)
            for (name, members), colour in zip(curves.items(), cycle(COLOURS), strict=False)
        ]
    )
    figure.add_traces(_means(points, x, y))
    return _styled(figure, x, y)


def preset_scatter(points: Sequence[Point], x: str, y: str, chosen: int | None = None) -> go.Figure:
    """As `scatter`, of any pictures: a colour for each preset, and a line between those that differ in one setting.

    Args:
        points: Finished pictures of one photo, or of several, which are not joined.
        x: Column of the abscissa, one of `AXES`.
        y: Column of the ordinate.
        chosen: Number of the point that stands out.
    """
    shown = [point for point in points if point.has(x, y)]
    presets: dict[str, list[Point]] = {}
    for point in shown:
        presets.setdefault(point.row["preset"], []).append(point)
    names = sorted(presets, key=lambda name: get_preset(name).code)
    lines = [
        go.Scatter(
            x=[point.row[x] for point in curve],
            y=[point.row[y] for point in curve],
            mode="lines",
            line={"color": _LINE, "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
        for curve in _joined(shown, prefers_preset=bool({x, y} & set(RATES)))
    ]
    traces = [_trace(name, presets[name], preset_colour(name), "markers", x, y, chosen) for name in names]
    return _styled(go.Figure([*lines, *traces]), x, y)


def _joined(points: Sequence[Point], prefers_preset: bool) -> list[list[Point]]:
    """Return the curves of the setting that joins most points, among those whose values have an order."""
    candidates = [name for name in _TELLING if name not in _UNORDERED]
    curves = {name: _curves_along(name, points) for name in candidates}
    if prefers_preset and curves["preset"]:
        return curves["preset"]
    return max(curves.values(), key=lambda found: sum(map(len, found)))


def _curves_along(name: str, points: Sequence[Point]) -> list[list[Point]]:
    """Group points that have all settings but one in common, of each value one; single points are no curve."""
    groups: dict[tuple[Any, ...], dict[Any, Point]] = {}
    for point in points:
        values = point.told_settings
        others = tuple(values[other] for other in values if other != name)
        groups.setdefault(others, {}).setdefault(values[name], point)
    return [
        sorted(group.values(), key=lambda point: _place(point, name)) for group in groups.values() if len(group) > 1
    ]


def _place(point: Point, name: str) -> Any:
    return get_preset(point.row["preset"]).code if name == "preset" else point.row[name]


def _means(points: Sequence[Point], x: str, y: str) -> list[go.Scatter]:
    """Return the means over seeds with their standard deviations, of all settings that have several, as one trace."""
    samples: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
    for point in points:
        if point.has(x, y):
            others = tuple((point.told_settings | {"seed": None}).values())
            samples.setdefault(others, []).append((point.row[x], point.row[y]))
    groups = [list(zip(*values, strict=True)) for values in samples.values() if len(values) > 1]
    if not groups:
        return []
    means = [[mean(values) for values in group] for group in groups]
    deviations = [[stdev(values) for values in group] for group in groups]
    texts = [
        f"Mean of {counted(len(group[0]), 'seed')} ± standard deviation\n"
        f"{AXES[y]} {centre[1]:.4g} ± {spread[1]:.2g}\n{AXES[x]} {centre[0]:.4g} ± {spread[0]:.2g}"
        for group, centre, spread in zip(groups, means, deviations, strict=True)
    ]
    bars = [{"type": "data", "array": [spread[axis] for spread in deviations], "color": _MEAN} for axis in (0, 1)]
    return [
        go.Scatter(
            x=[centre[0] for centre in means],
            y=[centre[1] for centre in means],
            error_x=bars[0],
            error_y=bars[1],
            customdata=[[None, "", text] for text in texts],
            name="mean over seeds",
            mode="markers",
            marker={"symbol": "diamond", "size": 11, "color": _MEAN},
            hoverinfo="none",
        )
    ]


def _labels(points: Sequence[Point], along: str, x: str, y: str) -> dict[int, str]:
    """Tell a setting at each point, by its number; not where it would cover another's, nor at all at many points."""
    if not 0 < len(points) <= MAX_LABELLED:
        return {}
    shares = zip(_shares(points, x), _shares(points, y), strict=True)
    placed: dict[int, tuple[float, float]] = {}
    for point, (across, up) in zip(points, shares, strict=True):
        width, height = _LABEL_ROOM
        if all(abs(across - left) >= width or abs(up - low) >= height for left, low in placed.values()):
            placed[point.number] = across, up
    return {point.number: settings_text(point.row, [along]) for point in points if point.number in placed}


def _shares(points: Sequence[Point], column: str) -> list[float]:
    """Return where on an axis points are, from 0 to 1."""
    values = [log(point.row[column]) if column in RATES else point.row[column] for point in points]
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _counts(points: Sequence[Point]) -> dict[str, int]:
    """How many values each setting has among the points."""
    return {name: len({point.row[name] for point in points}) for name in SETTINGS}


def _trace(
    name: str,
    members: Sequence[Point],
    colour: str,
    mode: str,
    x: str,
    y: str,
    chosen: int | None = None,
    labels: Mapping[int, str] | None = None,
) -> go.Scatter:
    is_chosen = [point.number == chosen for point in members]
    edges = ["#f59e0b" if one else "rgba(255, 255, 255, 0.85)" for one in is_chosen]
    return go.Scatter(
        x=[point.row[x] for point in members],
        y=[point.row[y] for point in members],
        customdata=[[point.number, point.thumbnail, _card_text(point, x, y)] for point in members],
        name=name,
        mode=f"{mode}+text" if labels else mode,
        text=[labels.get(point.number, "") for point in members] if labels else None,
        textposition="top center",
        cliponaxis=not labels,
        marker={
            "size": [20 if one else 13 for one in is_chosen],
            "color": colour,
            "line": {"width": [4 if one else 2 for one in is_chosen], "color": edges},
        },
        line={"color": colour, "width": 2},
        # The page shows the thumbnail in a card of its own, see `metric_plot`.
        hoverinfo="none",
    )


def _styled(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=380,
        margin={"l": 64, "r": 24, "t": 36, "b": 56},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": "IBM Plex Sans, sans-serif", "size": 14},
        legend={"orientation": "h", "y": -0.22},
        showlegend=any(trace.name for trace in figure.data),
        hovermode="closest",
        dragmode=False,
        annotations=[_better_corner(x, y)],
    )
    axis = {"gridcolor": _GRID, "zeroline": False, "linecolor": _GRID, "rangemode": "nonnegative"}
    figure.update_xaxes(title=_title(x), **axis, **(_RATE_AXIS if x in RATES else {}))
    figure.update_yaxes(title=_title(y), **axis, **(_RATE_AXIS if y in RATES else {}))
    return figure


def _curve_name(point: Point, names: Sequence[str]) -> str:
    """A point's settings; the model's strengths of several presets are one curve."""
    if "strength" not in names or "preset" in names or not point.has_default_strength:
        return settings_text(point.row, names)
    others = settings_text(point.row, [name for name in names if name != "strength"])
    return " · ".join(filter(None, ("the model's default strength", others)))


def _card_text(point: Point, x: str, y: str) -> str:
    values = [f"{AXES[column]} {point.row[column]:.4g}" for column in (y, x)]
    return "\n".join(filter(None, [point.title, settings_text(point.row, SETTINGS), *values]))


def _better_corner(x: str, y: str) -> dict[str, Any]:
    """An arrow to where both metrics are better, above the points."""
    right, up = _is_higher_better(x), _is_higher_better(y)
    arrow = ("↙", "↖", "↘", "↗")[2 * right + up]
    return {
        "text": f"<b>better {arrow}</b>" if right else f"<b>{arrow} better</b>",
        "xref": "paper",
        "yref": "paper",
        "x": 1 if right else 0,
        "xanchor": "right" if right else "left",
        "y": 1,
        "yanchor": "bottom",
        "showarrow": False,
    }


def _is_higher_better(column: str) -> bool:
    from percov2_demo.metrics import METRICS

    return column not in RATES and METRICS[column].better == "higher"


def _title(column: str) -> str:
    """What an axis shows, with an arrow to where it is better; the ordinate's is read upwards, so it fits too."""
    from percov2_demo.metrics import METRICS

    if column in RATES:
        return f"← {AXES[column]} (bits per pixel)"
    metric = METRICS[column]
    name = f"{metric.label} ({metric.unit})" if metric.unit else metric.label
    return f"{name} →" if metric.better == "higher" else f"← {name}"
