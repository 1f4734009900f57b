"""Runs as cards: what the session board shows of each, and in small at the head of the page."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import gradio as gr

from percov2_demo.painters.known import usual_sigma
from percov2_demo.ui.panels.comparison import comparison_html
from percov2_demo.ui.render.plots import AXES, Point, preset_colour, settings_text
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.server.files import file_url, kept_file
from percov2_demo.ui.session.collection import MAX_RUNS, RunCollection
from percov2_demo.ui.session.run import CaptionSource, Run


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

OPEN_BOARD = 0
"""What the head of the page tells instead of a run's number."""

_TRAY_RUNS = 5

_SCRIPT = """
element.addEventListener("click", (event) => {
    const card = event.target.closest("[data-run]");
    if (card) trigger("select", { index: Number(card.dataset.run), value: card.dataset.run });
});
"""

_METRICS = {"deep_distance": "", "deep_realism": "", "psnr": " dB", "agreement": ""}
"""Metrics on a card, with their units; the run in large has all of them."""

_DECODER_SETTINGS = ("painter", "guidance", "steps", "strength", "seed", "hold")

_SOURCES: dict[CaptionSource, str] = {"auto": "automatic", "custom": "", "none": "", "file": "from the file"}


def create_run_list(**options: bool | str | int) -> gr.HTML:
    """Return a component of `cards_html`'s or `tray_html`'s values; its `select` event tells a run's number."""
    return gr.HTML(js_on_load=_SCRIPT, **options)


def cards_html(runs: Sequence[Run], shown: int, dropped: int = 0) -> str:
    """Return all runs as cards by photo: the photo of the newest run first, and of each photo the newest run.

    Args:
        runs: The runs, oldest first.
        shown: Number of the run that is shown in large.
        dropped: How many runs left because there were too many.
    """
    groups: dict[str, list[Run]] = {}
    for run in reversed(runs):
        groups.setdefault(run.photo, []).append(run)
    cards = "".join(
        f"<h3>{photo_label(group[0])} <small>{counted(len(group), 'run')}</small></h3>"
        f'<ul class="tiles">{"".join(_card(run, run.number == shown) for run in group)}</ul>'
        for group in groups.values()
    )
    note = f'<p class="muted">The oldest {dropped} left: the board keeps {MAX_RUNS}.</p>' if dropped else ""
    return f'<section aria-label="Runs">{note}{cards}</section>'


def photo_label(run: Run) -> str:
    """Call a run's photo by its name and size; a name has no characters that markup could take."""
    return f"{run.name}, {run.fields['width']}×{run.fields['height']}" if run.photo else "Files without a photo"


def run_point(run: Run, pipeline: "Codec") -> Point:
    """Make the point of a run in a plot."""
    usual = usual_sigma(pipeline.painters.advise(run.sampling.painter, run.preset))
    thumbnail = kept_file(run.thumbnail)
    url = file_url(thumbnail) if thumbnail else ""
    return Point(run.number, run.to_row(), url, run_title(run), run.sampling.strength == usual)


def tray_html(collection: RunCollection) -> str:
    """Return the last runs in small, as buttons, after one that opens the board."""
    thumbnails = "".join(
        f'<button type="button" class="cover pick" data-run="{run.number}" aria-label="Show run {run.number}" '
        f'title="Run {run.number}: {run.preset}, {format_size(run.rates.file_bytes)}">{_thumbnail(run)}</button>'
        for run in reversed(collection.runs[-_TRAY_RUNS:])
    )
    return (
        '<nav class="tray" aria-label="This session">'
        f'<button type="button" class="count pick" data-run="{OPEN_BOARD}">'
        f"<b>{counted(len(collection.runs), 'run')}</b><span>Session board ›</span></button>{thumbnails}</nav>"
    )


def heading_html(run: Run) -> str:
    """Return a run's number, bytes and settings."""
    return (
        f"<h2>Run {run.number}: <em>{format_size(run.rates.file_bytes)}</em></h2>"
        f"<p>{escape(run.preset)} · {_caption(run)} · {_settings(run)}</p>"
    )


def picture_html(run: Run) -> str:
    """Return a run's picture beside its original, where it has one and gradio still keeps both."""
    picture = kept_file(run.picture)
    if picture is None:
        return (
            '<p class="card muted">This picture is deleted, as all are after an hour. Its file is still here: '
            "download it, or paint it again.</p>"
        )
    if run.original is not None and kept_file(run.original):
        return comparison_html(run.original, picture, (run.fields["width"], run.fields["height"]))
    return f'<figure><img src="{escape(file_url(picture))}" alt="The photo painted from the file"></figure>'


def run_title(run: Run) -> str:
    """Return a run's number and caption, as plain text."""
    return f"Run {run.number}: “{run.caption}”" if run.caption else f"Run {run.number}, no caption"


def _card(run: Run, is_shown: bool) -> str:
    row = run.to_row()
    values = "".join(
        f"<div><dt>{AXES[name]}</dt><dd>{row[name]:.2f}{unit}</dd></div>"
        for name, unit in _METRICS.items()
        if row.get(name) is not None
    )
    metrics = f"<dl>{values}</dl>" if values else ""
    if not run.original:
        metrics = f'<p class="muted">Painted from a file: no original to measure against.</p>{metrics}'
    current = ' aria-current="true"' if is_shown else ""
    return (
        f'<li class="run pick" data-run="{run.number}"{current}>'
        f'<button type="button" class="cover" aria-label="Show run {run.number}">{_thumbnail(run)}</button>'
        f"<h4>{format_size(run.rates.file_bytes)} <small>run {run.number}</small></h4>"
        f'<p class="key muted" style="--colour:{preset_colour(run.preset)}">{run.preset}</p>'
        f'<p class="text">{_caption(run)}</p>'
        f'<p class="muted">{_settings(run)}</p>{metrics}<p class="muted">{run.seconds:.1f} s</p></li>'
    )


def _settings(run: Run) -> str:
    texts = settings_text(run.to_row(), _DECODER_SETTINGS), "fast" * run.fast, escape(run.note)
    return " · ".join(filter(None, texts))


def _thumbnail(run: Run) -> str:
    path = kept_file(run.thumbnail)
    return f'<img src="{escape(file_url(path))}" alt="Run {run.number}">' if path else "<i>deleted</i>"


def _caption(run: Run) -> str:
    if not run.caption:
        return "no caption"
    source = _SOURCES[run.caption_source]
    return f"“{escape(run.caption)}”" + (f" <small>{source}</small>" if source else "")
