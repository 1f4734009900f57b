"""Draw the loss curves of all stages as one page."""

import csv
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from percov2_demo.errors import InputError


AXES = ("step", "seconds", "learning_rate")
ROW_HEIGHT = 260


def read_curve(path: Path) -> dict[str, list[float]]:
    """Read the columns of a stage's `curve.csv`."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def draw_curves(paths: dict[str, Path]) -> go.Figure:
    """Draw one row a stage, one panel a loss, over minutes of training.

    Args:
        paths: Curves of stages by name; those that are not there are left out.

    Raises:
        InputError: None of them is there.
    """
    curves = {stage: read_curve(path) for stage, path in paths.items() if path.is_file()}
    losses = {stage: [name for name in curve if name not in AXES] for stage, curve in curves.items()}
    losses = {stage: names for stage, names in losses.items() if names}
    if not losses:
        raise InputError("there is no curve yet: train a stage first")
    columns = max(map(len, losses.values()))
    titles = [
        f"{stage}: {names[column].replace('_', ' ')}" if column < len(names) else ""
        for stage, names in losses.items()
        for column in range(columns)
    ]
    figure = make_subplots(len(losses), columns, subplot_titles=titles)
    for row, (stage, names) in enumerate(losses.items(), start=1):
        minutes = [seconds / 60 for seconds in curves[stage]["seconds"]]
        for column, name in enumerate(names, start=1):
            figure.add_scatter(x=minutes, y=curves[stage][name], mode="lines", row=row, col=column)
            figure.update_xaxes(title="minutes", row=row, col=column)
    figure.update_layout(height=ROW_HEIGHT * len(losses), showlegend=False, template="plotly_white")
    return figure
