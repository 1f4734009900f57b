"""Runs as cards: what the session board shows of each, and in small at the head of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr

from percov2_demo.painters.known import usual_sigma
from percov2_demo.ui.panels.comparison import comparison_html
from percov2_demo.ui.render.plots import AXES, Point, preset_colour, settings_text
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.server.files import file_url, kept_file
from percov2_demo.ui.session.collection import MAX_RUNS, RunCollection
from percov2_demo.ui.session.run import CaptionSource, Run
from percov2_demo.ui.templates import render


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


@dataclass(frozen=True)
class _Card:
    """A run in the words of a card."""

    run: Run

    @property
    def size(self) -> str:
        """The file's bytes."""
        return format_size(self.run.rates.file_bytes)

    @property
    def colour(self) -> str:
        """The preset's, as in plots."""
        return preset_colour(self.run.preset)

    @property
    def thumbnail(self) -> str:
        """Where the browser finds the picture in small; empty where it is deleted."""
        path = kept_file(self.run.thumbnail)
        return file_url(path) if path else ""

    @property
    def source(self) -> str:
        """Who wrote the caption, where that is worth a word."""
        return _SOURCES[self.run.caption_source]

    @property
    def settings(self) -> str:
        """How it was painted, and what became of its file."""
        texts = settings_text(self.run.to_row(), _DECODER_SETTINGS), "fast" * self.run.fast, self.run.note
        return " · ".join(filter(None, texts))

    @property
    def metrics(self) -> list[tuple[str, str]]:
        """Names and values of what was measured."""
        row = self.run.to_row()
        return [(AXES[name], f"{row[name]:.2f}{unit}") for name, unit in _METRICS.items() if row.get(name) is not None]


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
    groups: dict[str, list[_Card]] = {}
    for run in reversed(runs):
        groups.setdefault(run.photo, []).append(_Card(run))
    return render(
        "panels/run_cards.html",
        groups=[(photo_label(cards[0].run), counted(len(cards), "run"), cards) for cards in groups.values()],
        shown=shown,
        dropped=dropped,
        kept=MAX_RUNS,
    )


def photo_label(run: Run) -> str:
    """Call a run's photo by its name and size."""
    return f"{run.name}, {run.fields['width']}×{run.fields['height']}" if run.photo else "Files without a photo"


def run_point(run: Run, pipeline: "Codec") -> Point:
    """Make the point of a run in a plot."""
    usual = usual_sigma(pipeline.painters.advise(run.sampling.painter, run.preset))
    return Point(run.number, run.to_row(), _Card(run).thumbnail, run_title(run), run.sampling.strength == usual)


def tray_html(collection: RunCollection) -> str:
    """Return the last runs in small, as buttons, after one that opens the board."""
    return render(
        "panels/tray.html",
        board=OPEN_BOARD,
        count=counted(len(collection.runs), "run"),
        cards=[_Card(run) for run in reversed(collection.runs[-_TRAY_RUNS:])],
    )


def heading_html(run: Run) -> str:
    """Return a run's number, bytes and settings."""
    return render("panels/run_heading.html", card=_Card(run))


def picture_html(run: Run) -> str:
    """Return a run's picture beside its original, where it has one and gradio still keeps both."""
    picture = kept_file(run.picture)
    if picture and run.original is not None and kept_file(run.original):
        return comparison_html(run.original, picture, (run.fields["width"], run.fields["height"]))
    return render("panels/run_picture.html", picture=file_url(picture) if picture else "")


def run_title(run: Run) -> str:
    """Return a run's number and caption, as plain text."""
    return f"Run {run.number}: “{run.caption}”" if run.caption else f"Run {run.number}, no caption"
