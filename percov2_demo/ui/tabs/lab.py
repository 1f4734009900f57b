"""What the labs have in common: a photo, and work on it that is foreseen, started, watched and stopped."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.sweeps import Outcome, Trial
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates, connect_end
from percov2_demo.ui.jobs.sweep_runner import SweepRunner, stopped_html, waiting_html
from percov2_demo.ui.scripts import scroll_script, stale_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.recording import record
from percov2_demo.ui.session.run import CaptionSource, Run, next_number


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec


class Lab(ABC):
    """Lays the tab out in the current context and connects it; a lab adds its inputs and results.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
        name: Start of the elements' ids.
        action: Label of the button that starts a run.
        welcome: Markup that stands in the results' place before the first run.
    """

    def __init__(self, pipeline: "Codec", session: Session, name: str, action: str, welcome: str):
        self._pipeline, self._session = pipeline, session
        self._runner = SweepRunner(pipeline)
        self._name = name
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self.photo = PhotoInput(f"{name}-", pipeline.max_side, f"{name}-result")
                self._create_inputs()
                self.forecast = gr.HTML()
                self.run_button = gr.Button(action, variant="primary", elem_classes="main-action")
            with gr.Column(scale=8, min_width=320, elem_id=f"{name}-result"):
                self.fitted = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
                self.painted = gr.State((), time_to_live=STATE_LIFETIME_SECONDS)
                self.welcome = gr.HTML(welcome)
                with gr.Row():
                    self.status = gr.HTML()
                    self.stop_button = gr.Button("Stop", variant="stop", scale=0, min_width=110, visible=False)
                with gr.Column(visible=False) as self.result:
                    self._create_results()
        self._connect()

    @abstractmethod
    def _create_inputs(self) -> None:
        """Lays out what is asked besides the photo."""

    @abstractmethod
    def _create_results(self) -> None:
        """Lays out what a run fills."""

    @abstractmethod
    def _connect(self) -> None:
        """Connects the events, those of a run by `_connect_run`."""

    @abstractmethod
    def foresee(self, *work: Any) -> str:
        """Return how much work the inputs stand for, as `SweepRunner.forecast_html` says it."""

    @abstractmethod
    def prepare(self, photo: dict[str, Any] | None, *inputs: Any) -> Updates:
        """Check what is to be run and clear what an earlier run left, see `_begin`."""

    @abstractmethod
    def run(self, photo: FittedPhoto, runs: Sequence[Run], *inputs: Any) -> Iterator[Updates]:
        """Yield updates with each step and each finished picture, as `_paint` gives them."""

    def _connect_run(
        self,
        checked: Sequence[Component],
        inputs: Sequence[Component],
        work: Sequence[Component],
        drawn: Sequence[Component],
        kept: Sequence[Component] = (),
    ) -> None:
        """Connects the forecast, the start, the run, its end and Stop.

        Args:
            checked: Inputs of `prepare` besides the photo.
            inputs: Inputs of `run` besides the photo and the session's last runs.
            work: Inputs of `foresee`.
            drawn: What `run` fills besides the status and what was painted.
            kept: What `rest` updates besides the buttons.
        """
        forecast = {"fn": friendly(self.foresee), "inputs": work, "outputs": self.forecast, **PAGE_EVENT}
        # Without triggers it runs when the page loads, too: the machine's pace is known only then.
        gr.on(None, trigger_mode="always_last", **forecast)

        at_rest = [self.run_button, self.stop_button, *kept]
        shown = [self.fitted, self.painted, self.welcome, self.status, self.result]
        prepared = self.run_button.click(
            friendly(self.prepare),
            [self.photo.image, *checked],
            [*shown, *drawn, *at_rest],
            preprocess=False,
            **PAGE_EVENT,
        )
        prepared.success(None, js=scroll_script(f"{self._name}-result"), **PAGE_EVENT)
        prepared.success(None, js=stale_script(f"{self._name}-result", False), **PAGE_EVENT)
        running = prepared.success(
            friendly(self.run),
            [self.fitted, self._session.runs, *inputs],
            [self.status, self.painted, self._session.runs, *drawn],
            show_progress="hidden",
            api_visibility="private",
            **MODEL_QUEUE,
        )
        connect_end(running, self.stop_button, self.rest, [self.fitted, self.painted], at_rest)
        for ended in (running.failure, self.stop_button.click):
            ended(self.say_stopped, self.painted, self.status, **PAGE_EVENT)
        running.then(**forecast)

    def _begin(self, fitted: FittedPhoto) -> Updates:
        return {
            self.fitted: fitted,
            self.painted: (),
            self.welcome: gr.HTML(visible=False),
            self.status: waiting_html(),
            self.result: gr.Column(visible=True),
            self.run_button: gr.Button(visible=False),
            self.stop_button: gr.Button(visible=True),
        }

    def _paint(
        self, photo: FittedPhoto, runs: Sequence[Run], trials: Sequence[Trial], sources: Sequence[CaptionSource]
    ) -> Iterator[tuple[Updates, Outcome | None, tuple[Run, ...]]]:
        """Yield updates, with each finished picture its outcome, and the runs so far: they are the session's, too.

        Args:
            photo: The photo.
            runs: The session's last runs.
            trials: What to paint.
            sources: Who wrote the caption of each.
        """
        job, painted = next_number(runs), tuple[Run, ...]()
        for status, outcome in self._runner.run(photo, trials):
            updates: Updates = {self.status: status}
            if outcome is not None:
                place = len(painted)
                painted = (*painted, record(outcome, photo, job + place, job, sources[place]))
                updates |= {self.painted: painted, self._session.runs: painted}
            yield updates, outcome, painted

    def rest(self, photo: FittedPhoto | None, painted: Sequence[Any]) -> Updates:
        """Return the buttons as they are while nothing runs."""
        return {self.run_button: gr.Button(visible=True), self.stop_button: gr.Button(visible=False)}

    def say_stopped(self, painted: Sequence[Any]) -> str:
        """Return what the status says when not all was painted."""
        return stopped_html(len(painted))
