"""A sweep as something to watch and to stop, and how long one will take by what was measured so far."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import gradio as gr
from PIL import Image

from percov2_demo.sampling.settings import OWN
from percov2_demo.sweeps import Outcome, Trial, sweep
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.background import watch
from percov2_demo.ui.render.wording import counted
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_TRIALS = 60
"""Pictures of one sweep: others wait for the model meanwhile."""

MAX_TOTAL_STEPS = 1200
"""Steps of all pictures of one sweep: minutes on a CPU."""


class SweepRunner:
    """Runs sweeps and remembers how fast this machine painted.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "Codec"):
        self._pipeline = pipeline
        self._paces: dict[tuple[str, bool], tuple[float, int]] = {}

    def forecast_html(self, trials: Sequence[Trial]) -> str:
        """Return how much work a sweep is, said before it starts."""
        steps = sum(trial.steps for trial in trials)
        lead, text = counted(len(trials), "picture"), f" to decode, {counted(steps, 'step')} in all"
        pace = self._pace(trials)
        if pace is None:
            return _line(f"{text}. How long that takes is shown once one has been measured here.", lead)
        return _line(f"{text}: about {_duration(steps * pace)} at {pace:.2f} s a step, as measured here so far.", lead)

    def run(self, photo: FittedPhoto, trials: Sequence[Trial]) -> Iterator[tuple[str, Outcome | None]]:
        """Yield the status after each step, and with each finished picture its outcome.

        Closing the generator, as gradio does when a visitor presses Stop or leaves, stops the sweep after its step.
        """
        check_size(len(trials))
        check_steps(trials)
        original = photo.open()
        done = 0
        yield self._status_html(trials, done, "reading the photo"), None
        for event in run_sweep(self._pipeline, original, trials):
            if isinstance(event, int):
                yield self._status_html(trials, done, f"step {event} of {trials[done].sampling.steps}"), None
                continue
            done += 1
            self._book(event)
            yield self._status_html(trials, done), event

    def _book(self, outcome: Outcome) -> None:
        seconds, steps = self._paces.get(_mode(outcome.trial), (0.0, 0))
        self._paces[_mode(outcome.trial)] = seconds + outcome.seconds, steps + outcome.trial.steps

    def _pace(self, trials: Sequence[Trial]) -> float | None:
        """Return the seconds a step of trials of one painter and mode; None where no step was measured."""
        seconds, steps = self._paces.get(_mode(trials[0]), (0.0, 0)) if trials else (0.0, 0)
        return seconds / steps if steps else None

    def _status_html(self, trials: Sequence[Trial], done: int, doing: str = "") -> str:
        if done == len(trials):
            return _line(" painted.", counted(done, "picture"))
        left = sum(trial.steps for trial in trials[done:])
        pace = self._pace(trials)
        rest = f", about {_duration(left * pace)} left" if pace is not None else ""
        lead = f"Painting {done + 1} of {len(trials)}"
        return _line(f"{', ' if doing else ''}{doing}{rest}", lead, done, len(trials))


def run_sweep(pipeline: "Codec", photo: Image.Image, trials: Sequence[Trial]) -> Iterator[int | Outcome]:
    """Yield the number of each finished step of a picture, from 1, and each picture's outcome.

    Closing the iterator stops the sweep after its step.

    Args:
        pipeline: The codec.
        photo: The RGB picture, fitted as "native" of `images.fit_image`.
        trials: What to paint.

    Raises:
        gr.Error: What went wrong, as a visitor reads it.
    """
    seconds = gpu.reserved_seconds(sum(trial.steps for trial in trials), *photo.size)
    painter = trials[0].sampling.painter if trials else OWN
    return gpu.run(pipeline, seconds, _sweep, photo, trials, painter=painter)


def _sweep(pipeline: "Codec", photo: Image.Image, trials: Sequence[Trial]) -> Iterator[int | Outcome]:
    def work(tell: Callable[[int | Outcome], None], is_stopped: Callable[[], bool]) -> None:
        for outcome in sweep(pipeline, photo, trials, tell, is_stopped):
            tell(outcome)

    return watch(work)


def check_size(pictures: int) -> None:
    """Refuse a sweep of no picture, and of too many.

    Raises:
        gr.Error: It has none or too many.
    """
    if not pictures:
        raise gr.Error("Choose at least one value of each setting.", print_exception=False)
    if pictures > MAX_TRIALS:
        message = f"{pictures} pictures are too many: choose values for at most {MAX_TRIALS}."
        raise gr.Error(message, print_exception=False)


def check_steps(trials: Sequence[Trial]) -> None:
    """Refuse a sweep of too many steps.

    Raises:
        gr.Error: It has too many.
    """
    steps = sum(trial.steps for trial in trials)
    if steps > MAX_TOTAL_STEPS:
        message = f"{steps:,} steps are too many: choose fewer pictures or steps, {MAX_TOTAL_STEPS:,} at most in all."
        raise gr.Error(message, print_exception=False)


def waiting_html() -> str:
    """Return the status until the sweep's turn has come."""
    return _line("Waiting for the model.")


def stopped_html(done: int) -> str:
    """Return the status after Stop or a failure."""
    return _line(f" after {counted(done, 'picture')}.", "Stopped") if done else _line("Nothing was painted.")


def _mode(trial: Trial) -> tuple[str, bool]:
    return trial.sampling.painter, trial.fast


def _line(text: str, lead: str = "", done: int | None = None, count: int = 0) -> str:
    return render("jobs/sweep_line.html", text=text, lead=lead, done=done, count=count)


def _duration(seconds: float) -> str:
    return f"{max(round(seconds), 1)} s" if seconds < 90 else f"{seconds / 60:.0f} min"
