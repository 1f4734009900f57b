"""The session board: every run of a visitor's session as a card and as a point, to be seen and to be had again."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS
from percov2_demo.ui.panels.comparison import create_comparison
from percov2_demo.ui.panels.metric_plot import MetricPlot
from percov2_demo.ui.panels.run_cards import (
    OPEN_BOARD,
    cards_html,
    create_run_list,
    heading_html,
    picture_html,
    run_title,
    tray_html,
)
from percov2_demo.ui.render.plots import LPIPS, Point, axis_choices, preset_scatter
from percov2_demo.ui.render.published_layer import add_published, published_html
from percov2_demo.ui.scripts import scroll_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import file_url, kept_file, save_download
from percov2_demo.ui.session.collection import RunCollection
from percov2_demo.ui.session.export import json_file
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.tabs.compress import COMPRESS_TAB, CompressTab


Updates = dict[Component, Any]

BOARD_TAB = "session"
"""The tab's identity, by which it is selected."""

_NEW_RUN = "<p>The newest run. Click a card or a point for another.</p>"


class SessionBoard:
    """The tab's components and handlers.

    Args:
        session: What it shares with other tabs.
        compress: The tab that gets a run's settings back.
        tabs: The tabs that it is among, as `BOARD_TAB`.
        tray: Where the head of the page shows the last runs in small, see `run_cards.create_run_list`.
    """

    def __init__(self, session: Session, compress: CompressTab, tabs: gr.Tabs, tray: gr.HTML):
        self._session, self._compress, self._tabs, self._tray = session, compress, tabs, tray
        self.collection = gr.State(RunCollection(), time_to_live=STATE_LIFETIME_SECONDS)
        self.welcome = gr.HTML(_WELCOME)
        with gr.Column(visible=False) as self.panel, gr.Row(elem_classes=["workbench", "board"]):
            with gr.Column(scale=1, min_width=320, elem_classes="all-runs"):
                self._create_plot()
                self.cards = create_run_list(elem_id="board-cards")
                with gr.Row(elem_classes="tables"):
                    self.csv = gr.DownloadButton("CSV of all runs", min_width=120)
                    self.json = gr.DownloadButton("JSON of all runs", min_width=120)
                    self.clear_button = gr.Button("Clear the board", min_width=120)
                    self.clear_confirmed = gr.Checkbox(False, visible=False)
            with gr.Column(scale=1, min_width=320, elem_id="board-run"):
                self._create_run()
        self._connect()

    def _create_plot(self) -> None:
        chart = MetricPlot.create("board-plot")
        self.plot, self.bridge, self.x, self.y = chart.plot, chart.bridge, chart.x, chart.y
        self.with_published = gr.Checkbox(True, label="Published figures of PerCoV2, PerCo (SD) and DiffC")
        self.published = gr.HTML()

    def _create_run(self) -> None:
        self.heading = gr.HTML(elem_classes="headline")
        self.picture = create_comparison(elem_id="board-picture")
        with gr.Row():
            self.stream_download = gr.DownloadButton("Download .pcv2", variant="primary", min_width=120)
            self.picture_download = gr.DownloadButton("Download PNG", min_width=120)
            self.json_download = gr.DownloadButton("Download JSON", min_width=120)
        self.note = gr.HTML(elem_classes="board-note")
        self.compress_button = gr.Button("Open Compress")

    def _connect(self) -> None:
        axes = [self.x, self.y, self.with_published]
        self._session.runs.change(
            friendly(self.collect),
            [self.collection, self._session.runs, *axes],
            [self.collection, self.x, self.y, *self._all],
            **PAGE_EVENT,
        )
        gr.on([axis.change for axis in axes], self.draw, [self.collection, *axes], self._drawn, **PAGE_EVENT)
        shown = [*self._run, *self._compress.restorable]
        stored = [self.collection, self._session.address]
        for chosen in (self.cards.select, self.bridge.select):
            showing = chosen(friendly(self.show), stored, shown, **PAGE_EVENT)
            showing.success(None, js=scroll_script("board-run"), **PAGE_EVENT)
        self._tray.select(friendly(self.open), stored, [self._tabs, *shown], **PAGE_EVENT)
        self.clear_button.click(
            self.clear,
            [self.clear_confirmed, self.collection],
            [self.collection, *self._framing],
            js="(_, runs) => [confirm('Remove all runs from the board? They cannot be brought back.'), runs]",
            **PAGE_EVENT,
        )
        opened = self.compress_button.click(lambda: gr.Tabs(selected=COMPRESS_TAB), outputs=self._tabs, **PAGE_EVENT)
        opened.then(None, js="() => scrollTo({ top: 0, behavior: 'smooth' })", **PAGE_EVENT)

    @property
    def _framing(self) -> list[Component]:
        return [self.welcome, self.panel, self._tray]

    @property
    def _drawn(self) -> list[Component]:
        return [self.plot, self.published]

    @property
    def _run(self) -> list[Component]:
        downloads = [self.stream_download, self.picture_download, self.json_download]
        return [self.heading, self.picture, *downloads, self.note, self.cards]

    @property
    def _all(self) -> list[Component]:
        return [*self._framing, *self._drawn, *self._run, self.csv, self.json]

    def collect(self, collection: RunCollection, job: Sequence[Run], x: str, y: str, with_published: bool) -> Updates:
        """Add finished runs and show the last, if they are not there already.

        Args:
            collection: The runs so far.
            job: Those of the session's last job.
            x: Column of the plot's abscissa.
            y: Column of its ordinate.
            with_published: Whether published figures are drawn too.
        """
        grown = collection.add(job)
        if grown is collection:
            return gr.skip()
        run = job[-1]
        updates: Updates = {}
        if run.metrics.get(LPIPS) is not None:
            updates |= {axis: gr.Dropdown(choices=axis_choices(with_lpips=True)) for axis in (self.x, self.y)}
        return updates | {
            self.collection: grown,
            self.welcome: gr.HTML(visible=False),
            self.panel: gr.Column(visible=True),
            self._tray: gr.HTML(tray_html(grown), visible=True),
            **self.draw(grown, x, y, with_published),
            **self._show(grown, run, _NEW_RUN),
            **_tables(grown.runs, self.csv, self.json),
        }

    def draw(self, collection: RunCollection, x: str, y: str, with_published: bool) -> Updates:
        """The plot, and what is to be said of its published figures; arguments as of `collect`."""
        figure = preset_scatter([_point(run) for run in collection.runs], x, y)
        if with_published:
            add_published(figure, x, y)
        return {self.plot: figure, self.published: published_html(x, y) if with_published else ""}

    def show(self, collection: RunCollection, address: str, event: gr.SelectData) -> Updates:
        """Show the run of a clicked card or point, and bring it back into the Compress tab."""
        run = collection.find(int(event.index))
        if run is None:
            raise gr.Error("This run is no longer here.", print_exception=False)
        restored = self._compress.restore(run, collection.runs, address)
        return self._show(collection, run, _restored_html(run, self._compress.photo.image in restored)) | restored

    def open(self, collection: RunCollection, address: str, event: gr.SelectData) -> Updates:
        """As `show`, from another tab; or the board as it is."""
        shown = {} if event.index == OPEN_BOARD else self.show(collection, address, event)
        return {self._tabs: gr.Tabs(selected=BOARD_TAB)} | shown

    def clear(self, is_confirmed: bool, collection: RunCollection) -> Updates:
        """Take all runs off the board, if the visitor means it."""
        if not is_confirmed:
            return gr.skip()
        return {
            self.collection: collection.clear(),
            self.welcome: gr.HTML(visible=True),
            self.panel: gr.Column(visible=False),
            self._tray: gr.HTML("", visible=False),
        }

    def _show(self, collection: RunCollection, run: Run, note: str) -> Updates:
        name = f"run-{run.number}-{run.preset}"
        picture = kept_file(run.picture)
        return {
            self.heading: heading_html(run),
            self.picture: picture_html(run),
            self.stream_download: gr.DownloadButton(value=save_download(run.stream, f"{name}.pcv2")),
            self.picture_download: gr.DownloadButton(value=picture, interactive=picture is not None),
            self.json_download: gr.DownloadButton(value=save_download(run.to_json(), f"{name}.json")),
            self.note: note,
            self.cards: cards_html(collection, run.number),
        }


def _point(run: Run) -> Point:
    thumbnail = kept_file(run.thumbnail)
    return Point(run.number, run.to_row(), run.picture, file_url(thumbnail) if thumbnail else "", run_title(run))


def _tables(runs: Sequence[Run], csv: gr.DownloadButton, json: gr.DownloadButton) -> Updates:
    table = save_download(csv_bytes([run.to_row() for run in runs]), "session.csv")
    document = save_download(json_file([run.to_dict() for run in runs]), "session.json")
    return {csv: gr.DownloadButton(value=table), json: gr.DownloadButton(value=document)}


def _restored_html(run: Run, has_photo: bool) -> str:
    if has_photo:
        return "<p>Its photo and settings are back in Compress: press the button there, and it is painted again.</p>"
    if run.origin is None:
        return "<p>Its settings are in Compress now, for a photo of yours: this run was of a file without one.</p>"
    return "<p>Its settings are back in Compress. Its photo is deleted, as all are after an hour: choose it again.</p>"


_WELCOME = (
    '<section class="welcome"><h2>Your runs collect here</h2>'
    "<p>Every picture that you paint in Compress or Decode becomes a card with its bytes and metrics, and a point "
    "between nearness to the photo and realism. Click one, and its settings are back.</p></section>"
)
