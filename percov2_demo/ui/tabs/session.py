"""The session board: every picture of a visit as a card and as a point, to be seen, had again and taken away."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components import Component

from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.panels.archive_button import create_archive_button
from percov2_demo.ui.panels.metric_plot import ALL_PHOTOS, MetricPlot
from percov2_demo.ui.panels.run_cards import (
    OPEN_BOARD,
    cards_html,
    create_run_list,
    photo_label,
    run_point,
    tray_html,
)
from percov2_demo.ui.panels.run_view import RunView
from percov2_demo.ui.render.note import note_html
from percov2_demo.ui.render.plots import LPIPS, axis_choices, preset_scatter
from percov2_demo.ui.render.published_layer import add_published, has_published, published_html
from percov2_demo.ui.scripts import fresh_script, scroll_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.session.collection import RunCollection
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.tabs.compress import COMPRESS_TAB, CompressTab
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

BOARD_TAB = "session"
"""The tab's identity, by which it is selected."""

_NEW_RUN = "The newest picture. Click a card or a point for another."


class SessionBoard:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
        compress: The tab that gets a run's settings back.
        tabs: The tabs that it is among, as `BOARD_TAB`.
        tray: Where the head of the page shows the last runs in small, see `run_cards.create_run_list`.
    """

    def __init__(self, pipeline: "Codec", session: Session, compress: CompressTab, tabs: gr.Tabs, tray: gr.HTML):
        self._pipeline = pipeline
        self._session, self._compress, self._tabs, self._tray = session, compress, tabs, tray
        self.collection = gr.State(RunCollection(), time_to_live=STATE_LIFETIME_SECONDS)
        self.kept = gr.State((), time_to_live=STATE_LIFETIME_SECONDS)
        self.chosen = gr.State(0, time_to_live=STATE_LIFETIME_SECONDS)
        self.is_in_compress = gr.Checkbox(False, visible=False)
        self.welcome = gr.HTML(render("tabs/session_welcome.html"))
        with gr.Column(visible=False) as self.panel, gr.Row(elem_classes=["workbench", "board"]):
            with gr.Column(scale=1, min_width=320, elem_classes="all-runs"):
                self._create_plot()
                with gr.Row(elem_classes="tables"):
                    create_archive_button(self.kept, "board-plot", "session")
                    self.clear_button = gr.Button("Clear the board", min_width=120)
                    self.clear_confirmed = gr.Checkbox(False, visible=False)
                self.cards = create_run_list(elem_id="board-cards")
            with gr.Column(scale=1, min_width=320, elem_id="board-run"):
                self.view = RunView("board-picture")
                self.note = gr.HTML()
                self.compress_button = gr.Button("Open Compress")
        self._connect()

    def _create_plot(self) -> None:
        chart = MetricPlot.create("board-plot", with_photo=True)
        self.plot, self.bridge, self.photo, self.x, self.y = chart.plot, chart.bridge, chart.photo, chart.x, chart.y
        self.with_published = gr.Checkbox(
            True,
            label="Published figures of PerCoV2, PerCo (SD) and DiffC",
            visible=has_published(self.x.value, self.y.value),
        )
        self.published = gr.HTML()

    def _connect(self) -> None:
        axes = [self.photo, self.x, self.y, self.with_published]
        self._session.runs.change(
            friendly(self.collect),
            [self.collection, self._session.runs, *axes],
            [self.collection, self.kept, self.photo, self.x, self.y, *self._framing, *self._drawn, *self._run],
            **PAGE_EVENT,
        )
        drawing = [self.collection, self.chosen, *axes]
        gr.on([axis.input for axis in axes], self.draw, drawing, self._drawn, **PAGE_EVENT)
        shown = [self.photo, *self._drawn, *self._run, self.is_in_compress, *self._compress.restorable]
        stored = [self.collection, self._session.address, *axes]
        fresh = {"fn": None, "inputs": self.is_in_compress, "js": fresh_script(self._compress.photo.result_id)}
        for clicked in (self.cards.select, self.bridge.select):
            showing = clicked(friendly(self.show), stored, shown, **PAGE_EVENT)
            showing.success(None, js=scroll_script("board-run"), **PAGE_EVENT)
            showing.success(**fresh, **PAGE_EVENT)
        opening = self._tray.select(friendly(self.open), stored, [self._tabs, *shown], **PAGE_EVENT)
        opening.success(**fresh, **PAGE_EVENT)
        self.clear_button.click(
            self.clear,
            [self.clear_confirmed, self.collection],
            [self.collection, self.kept, *self._framing],
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
        return [self.plot, self.with_published, self.published]

    @property
    def _run(self) -> list[Component]:
        return [self.chosen, *self.view.components, self.note, self.cards]

    def collect(
        self, collection: RunCollection, job: Sequence[Run], photo: int, x: str, y: str, with_published: bool
    ) -> Updates:
        """Add finished runs and show the last, if they are not there already.

        Args:
            collection: The runs so far.
            job: Those of the session's last job.
            photo: The photo that the plot is of, or `ALL_PHOTOS`; the new run's takes its place, where it has one.
            x: Column of the plot's abscissa.
            y: Column of its ordinate.
            with_published: Whether published figures are drawn too.
        """
        grown = collection.add(job)
        if grown is collection:
            return gr.skip()
        run = job[-1]
        photos = [(photo_label(first), first.number) for first in grown.first_of_photos()]
        photo = _photo_of(grown, run, photo)
        updates: Updates = {}
        if run.metrics.get(LPIPS) is not None:
            updates |= {axis: gr.Dropdown(choices=axis_choices(with_lpips=True)) for axis in (self.x, self.y)}
        return updates | {
            self.collection: grown,
            self.kept: grown.runs,
            self.photo: gr.Dropdown([*photos, ("All photos", ALL_PHOTOS)], value=photo),
            self.welcome: gr.HTML(visible=False),
            self.panel: gr.Column(visible=True),
            self._tray: gr.HTML(tray_html(grown), visible=True),
            **self.draw(grown, run.number, photo, x, y, with_published),
            **self._show(grown, run, _NEW_RUN),
        }

    def draw(
        self, collection: RunCollection, chosen: int, photo: int, x: str, y: str, with_published: bool
    ) -> Updates:
        """Return the plot of a photo's runs, of which one stands out; other arguments as of `collect`."""
        points = [run_point(run, self._pipeline) for run in collection.of_photo(photo)]
        figure = preset_scatter(points, x, y, chosen)
        if with_published:
            add_published(figure, x, y)
        return {
            self.plot: figure,
            self.with_published: gr.Checkbox(visible=has_published(x, y)),
            self.published: published_html(x, y) if with_published else "",
        }

    def show(
        self,
        collection: RunCollection,
        address: str,
        photo: int,
        x: str,
        y: str,
        with_published: bool,
        event: gr.SelectData,
    ) -> Updates:
        """Show the run of a clicked card or point, and bring it back into the Compress tab."""
        run = collection.find(int(event.index))
        if run is None:
            raise gr.Error("This run is no longer here.", print_exception=False)
        restored = self._compress.restore(run, collection.runs, address)
        has_photo = self._compress.photo.image in restored
        if photo != ALL_PHOTOS:
            photo = _photo_of(collection, run, photo)
        return {
            self.photo: photo,
            **self.draw(collection, run.number, photo, x, y, with_published),
            **self._show(collection, run, _restored(run, has_photo)),
            self.is_in_compress: has_photo,
            **restored,
        }

    def open(
        self,
        collection: RunCollection,
        address: str,
        photo: int,
        x: str,
        y: str,
        with_published: bool,
        event: gr.SelectData,
    ) -> Updates:
        """As `show`, from another tab; or the board as it is."""
        shown: Updates = {self.is_in_compress: False}
        if event.index != OPEN_BOARD:
            shown = self.show(collection, address, photo, x, y, with_published, event)
        return {self._tabs: gr.Tabs(selected=BOARD_TAB)} | shown

    def clear(self, is_confirmed: bool, collection: RunCollection) -> Updates:
        """Take all runs off the board, if the visitor means it."""
        if not is_confirmed:
            return gr.skip()
        return {
            self.collection: collection.clear(),
            self.kept: (),
            self.welcome: gr.HTML(visible=True),
            self.panel: gr.Column(visible=False),
            self._tray: gr.HTML("", visible=False),
        }

    def _show(self, collection: RunCollection, run: Run, note: str) -> Updates:
        return {
            self.chosen: run.number,
            **self.view.show(run),
            self.note: note_html(note),
            self.cards: cards_html(collection.runs, run.number, collection.dropped),
        }


def _photo_of(collection: RunCollection, run: Run, otherwise: int) -> int:
    """What the choice of photos calls a run's; the other where it has none."""
    photos = collection.first_of_photos()
    return next((first.number for first in photos if first.photo == run.photo), otherwise)


def _restored(run: Run, has_photo: bool) -> str:
    if has_photo:
        return "Its photo and settings are back in Compress: press the button there, and it is painted again."
    if run.origin is None:
        return "Its settings are in Compress now, for a photo of yours: this run was of a file without one."
    return "Its settings are back in Compress. Its photo is deleted, as all are after an hour: choose it again."
