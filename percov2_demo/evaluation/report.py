"""Write an evaluation as one HTML page that needs no network: charts, tables, contact sheet."""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.io
from PIL import Image

from percov2_demo.evaluation.charts import baseline_curves, curves_of, draw, published_curves
from percov2_demo.evaluation.published import DATASETS, PublishedSet, load_published
from percov2_demo.evaluation.refined import budget_curves
from percov2_demo.files.atomic import write_text
from percov2_demo.metrics import METRICS


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; font-size: 14px; display: block; overflow-x: auto }}
th, td {{ padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }}
th:first-child, td:first-child {{ text-align: left }}
img {{ max-width: 100%; height: auto }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


def write_report(
    path: Path,
    summary: dict[str, Any],
    compared: Sequence[dict[str, Any]],
    labels: dict[str, str],
    codings: Sequence[dict[str, Any]],
    refined: Sequence[dict[str, Any]],
    sheet: Image.Image,
) -> None:
    """Write the report.

    Args:
        path: The HTML file.
        summary: Contents of `summary.json`.
        compared: Mean rows of the classical codecs; may be empty.
        labels: The classical codecs' names for people.
        codings: Mean rows of the codings of the indices; may be empty.
        refined: Mean rows of the byte budgets; may be empty.
        sheet: The contact sheet.
    """
    settings = summary["settings"]
    title = f"PerCoV2 Explorer: {settings['dataset']}, {settings['pictures']} pictures"
    same, others = _published(settings)
    measured = f"{settings['dataset']}, {', '.join(settings['sizes'])}, {settings['fit']}"
    curves = curves_of(summary["points"], settings["default_strength"]) + baseline_curves(compared, labels)
    curves += budget_curves(refined)
    figures = draw([*curves, *(curve for item in same for curve in published_curves(item))], measured)
    sections = [
        f"<p>{html.escape(summary['description'])}</p><p>Lower is better for the deep metrics and colour shift.</p>",
        "<h2>Means</h2>",
        _table(summary["points"]),
    ]
    if summary["unreadable"]:
        names = ", ".join(map(html.escape, summary["unreadable"]))
        sections.append(f"<p>Left out because they cannot be read: {names}.</p>")
    if compared:
        sections += ["<h2>Classical codecs in the same bytes</h2>", _table(compared)]
    if refined:
        sections += ["<h2>Files of given sizes</h2>", _table(refined)]
    if codings:
        sections += ["<h2>Codings of the indices</h2>", _table(codings)]
    sections += ["<h2>Rate, distortion, perception</h2>", *_render(figures)]
    if others:
        sections.append("<h2>Published figures of the same pictures under other protocols</h2>")
        for item in others:
            sections += _render(draw(published_curves(item), item.label), has_script=True)
    sections += ["<h2>Originals and what came back</h2>", _image(sheet)]
    write_text(path, PAGE.format(title=html.escape(title), body="\n".join(sections)))


def _published(settings: dict[str, Any]) -> tuple[list[PublishedSet], list[PublishedSet]]:
    """Split published sets of the same dataset into those under the measured protocol and the others."""
    dataset = settings["dataset"].lower()
    if DATASETS.get(dataset) != settings["pictures"]:
        return [], []
    sets = [item for item in load_published() if item.dataset == dataset]
    same = [
        item
        for item in sets
        if [f"{item.width}x{item.height}"] == settings["sizes"] and item.protocol == settings["fit"]
    ]
    return same, [item for item in sets if item not in same]


def _render(figures: Sequence[Any], has_script: bool = False) -> list[str]:
    """Render figures as HTML; the first carries plotly's script unless the page has it already."""
    return [
        plotly.io.to_html(figure, full_html=False, include_plotlyjs=index == 0 and not has_script)
        for index, figure in enumerate(figures)
    ]


def _table(rows: Sequence[dict[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(_heading(name))}</th>" for name in rows[0])
    lines = ["".join(f"<td>{html.escape(_cell(value))}</td>" for value in row.values()) for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _heading(column: str) -> str:
    if column not in METRICS:
        return column.replace("_", " ")
    metric = METRICS[column]
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _image(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f'<img alt="contact sheet" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
