"""One photo under many settings: the trade-off between distortion and realism, rate curves, and samples."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from percov2_demo.sweeps import Trial, mean_and_deviation
from percov2_demo.ui.controls.sweep import KINDS, SweepControls, offered_kinds
from percov2_demo.ui.events import PAGE_EVENT, Updates
from percov2_demo.ui.panels.archive_button import create_archive_button
from percov2_demo.ui.panels.metric_plot import MetricPlot
from percov2_demo.ui.panels.run_cards import cards_html, create_run_list, run_point
from percov2_demo.ui.panels.run_view import RunView
from percov2_demo.ui.render.heat import colour_bar_html, heat_map
from percov2_demo.ui.render.note import note_html
from percov2_demo.ui.render.plots import scatter
from percov2_demo.ui.scripts import lookup_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.tabs.lab import Lab
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

DEVIATION_PEAK = 32
"""Standard deviation, of 127.5 at most, that the map shows lightest."""


class TradeoffLab(Lab):
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
    """

    def __init__(self, pipeline: "Codec", session: Session):
        welcome = render("tabs/tradeoff_lab_welcome.html", kinds=offered_kinds(pipeline))
        super().__init__(pipeline, session, "tradeoff-lab", "Run the sweep", welcome)

    def _create_inputs(self) -> None:
        self.caption = self.photo.offer_captions("Without one, guidance has nothing to act on: one scale is painted.")
        self.controls = SweepControls(self._pipeline)

    def _create_results(self) -> None:
        chart = MetricPlot.create("tradeoff-plot")
        self.plot, self.bridge, self.x, self.y = chart.plot, chart.bridge, chart.x, chart.y
        gr.HTML(note_html("Click a point or a card to see its picture beside the original.", is_muted=True))
        self.view = RunView("tradeoff-picture")
        with gr.Row(visible=False) as self.samples:
            self.mean = _map_image("Mean of the samples")
            with gr.Column(min_width=240):
                self.deviation = _map_image("Where the decoder invents")
                gr.HTML(colour_bar_html(DEVIATION_PEAK, "levels of standard deviation"))
        create_archive_button(self.painted, "tradeoff-plot", "sweep")
        self.cards = create_run_list(elem_id="tradeoff-cards")

    def _connect(self) -> None:
        kind = self.controls.kind
        kind.input(friendly(self.controls.choose), kind, self.controls.components, **PAGE_EVENT)
        axes = {name: kind.x for name, kind in KINDS.items()}
        kind.input(None, kind, self.x, js=lookup_script(axes), **PAGE_EVENT)
        gr.on([self.x.change, self.y.change], self.draw, [self.painted, self.x, self.y], self.plot, **PAGE_EVENT)
        shown = [*self.view.components, self.cards]
        for clicked in (self.bridge.select, self.cards.select):
            clicked(friendly(self.pick), self.painted, shown, **PAGE_EVENT)
        work = [self.caption, *self.controls.components]
        self._connect_run(
            checked=[],
            inputs=[self.x, self.y, *work],
            work=work,
            drawn=[self.plot, *shown, self.samples, self.mean, self.deviation],
        )

    def foresee(self, caption: str, *values: Any) -> str:
        """Return how much work the values of the controls are."""
        return self._runner.forecast_html(self.controls.plan(caption, *values))

    def prepare(self, photo: dict[str, Any] | None) -> Updates:
        """Read the photo and clear what an earlier sweep left.

        Args:
            photo: The image component's raw value, see `PhotoInput`.
        """
        return self._begin(self.photo.read(photo)) | {
            self.plot: None,
            self.view.heading: "",
            self.view.picture: "",
            self.view.numbers: "",
            self.cards: "",
            self.samples: gr.Row(visible=False),
        }

    def run(
        self, photo: FittedPhoto, runs: Sequence[Run], x: str, y: str, caption: str, *values: Any
    ) -> Iterator[Updates]:
        """Paint one setting after another; its point and card appear as it is finished.

        Args:
            photo: The photo.
            runs: The session's last runs.
            x: Column of the plot's abscissa.
            y: Column of its ordinate.
            caption: Text that is sent along.
            *values: Of the controls.
        """
        samples: dict[Trial, list[Image.Image]] = {}
        trials = self.controls.plan(caption, *values)
        for updates, outcome, painted in self._paint(photo, runs, trials, ["custom"] * len(trials)):
            if outcome is not None:
                setting = samples.setdefault(outcome.trial.any_seed, [])
                setting.append(outcome.picture)
                updates |= {
                    self.plot: self.draw(painted, x, y),
                    **self._show(painted, painted[-1]),
                    **self._show_samples(setting),
                }
            yield updates

    def draw(self, painted: Sequence[Run], x: str, y: str) -> Any:
        """Return the plot of finished pictures."""
        return scatter([run_point(run, self._pipeline) for run in painted], x, y) if painted else None

    def pick(self, painted: Sequence[Run], event: gr.SelectData) -> Updates:
        """Show the picture of a clicked point or card."""
        run = next((run for run in painted if run.number == int(event.index)), None)
        if run is None:
            raise gr.Error("This picture is no longer here.", print_exception=False)
        return self._show(painted, run)

    def _show(self, painted: Sequence[Run], run: Run) -> Updates:
        return {**self.view.show(run), self.cards: cards_html(painted, run.number)}

    def _show_samples(self, samples: Sequence[Image.Image]) -> Updates:
        if len(samples) < 2:
            return {}
        mean, deviation = mean_and_deviation(samples)
        return {
            self.samples: gr.Row(visible=True),
            self.mean: mean,
            self.deviation: heat_map(deviation, DEVIATION_PEAK),
        }


def _map_image(label: str) -> gr.Image:
    return gr.Image(
        label=label,
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        min_width=240,
        alt_text=label,
    )
