"""How the cost grows, as one chart of four panels."""

from typing import Any

import plotly.graph_objects as go
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from percov2_demo.bench.operations import KINDS
from percov2_demo.bench.scaling import BATCHED, TILES, WHOLE


HEIGHT = 820
COLOURS = qualitative.D3
KIND_COLOURS = ("#1f77b4", "#9ecae1", "#d9d9d9")
SECONDS = (0.5, 1, 2, 5, 10, 20, 50, 100)
"""Labels of the logarithmic axis."""
TITLES = (
    "A square picture, there and back",
    "One run of the flow transformer",
    "Pictures painted in a batch",
    "Captions of one photo in the Caption lab",
)


def draw_scale(result: dict[str, Any]) -> go.Figure:
    """Processors' seconds of a result of `scale`: over sizes, by kinds of operations, over batches and captions."""
    figure = make_subplots(2, 2, subplot_titles=TITLES, horizontal_spacing=0.1, vertical_spacing=0.16)
    for way, colour in zip((WHOLE, TILES, BATCHED), COLOURS, strict=False):
        rows = [row for row in result["sizes"] if row["way"] == way]
        figure.add_scatter(
            x=[row["side"] for row in rows],
            y=[sum(row["cpu_seconds"].values()) for row in rows],
            name=way,
            mode="lines+markers",
            line={"color": colour, "dash": "dot" if way == BATCHED else "solid"},
            marker={"size": 9},
            row=1,
            col=1,
        )
    runs = result["transformer"]
    for kind, colour in zip(KINDS, KIND_COLOURS, strict=True):
        figure.add_bar(
            x=[str(run["tokens"]) for run in runs],
            y=[run["cpu_seconds"][kind] for run in runs],
            name=kind,
            marker={"color": colour},
            legend="legend2",
            row=1,
            col=2,
        )
    batches, captions = result["batches"], result["captions"]
    figure.add_bar(
        x=[str(row["number"]) for row in batches],
        y=[row["cpu_seconds"] / row["number"] for row in batches],
        marker={"color": COLOURS[0]},
        showlegend=False,
        row=2,
        col=1,
    )
    figure.add_scatter(
        x=[row["number"] for row in captions],
        y=[row["cpu_seconds"] for row in captions],
        mode="lines+markers",
        marker={"size": 9, "color": COLOURS[0]},
        showlegend=False,
        row=2,
        col=2,
    )
    sides = sorted({row["side"] for row in result["sizes"]})
    figure.update_xaxes(title="side, pixels", type="log", tickvals=sides, row=1, col=1)
    figure.update_yaxes(title="CPU seconds", type="log", tickvals=SECONDS, row=1, col=1)
    figure.update_xaxes(title="picture tokens", type="category", row=1, col=2)
    figure.update_xaxes(title="pictures", type="category", row=2, col=1)
    figure.update_yaxes(title="CPU seconds a picture", row=2, col=1)
    figure.update_xaxes(title="captions", dtick=1, row=2, col=2)
    figure.update_yaxes(title="CPU seconds", rangemode="tozero", col=2)
    inside = {"yanchor": "top", "y": 0.98, "xanchor": "left"}
    figure.update_layout(
        template="plotly_white",
        height=HEIGHT,
        margin={"l": 80, "r": 30, "t": 50, "b": 70},
        barmode="stack",
        font={"size": 15},
        legend=inside | {"x": 0.02},
        legend2=inside | {"x": 0.57},
    )
    return figure
