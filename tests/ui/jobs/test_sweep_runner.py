"""A sweep as something to watch and to stop."""

from dataclasses import replace

import gradio as gr
import pytest

from percov2_demo.errors import ImageError
from percov2_demo.sampling.settings import Sampling
from percov2_demo.sweeps import Trial
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.jobs import sweep_runner
from percov2_demo.ui.jobs.sweep_runner import MAX_TRIALS, SweepRunner, stopped_html
from tests.ui.lab_fakes import LabPipeline


@pytest.fixture
def codec():
    return LabPipeline()


@pytest.fixture
def runner(codec):
    return SweepRunner(codec)


@pytest.fixture
def photo(blocks, uploaded_photo):
    return PhotoInput("test-", 640, "test-result").read(uploaded_photo)


def trials(count: int, steps: int = 2) -> list[Trial]:
    return [Trial("ultra-low", "x" * i, Sampling(steps, strength=1.0)) for i in range(count)]


def test_every_step_is_told_and_every_picture_comes(runner, photo):
    events = list(runner.run(photo, trials(2, steps=3)))
    texts = [status for status, outcome in events if outcome is None]
    assert [
        text.partition("</progress>")[2].strip()[: len("<b>Painting 1 of 2</b>, step 3")] for text in texts[1:]
    ] == [f"<b>Painting {picture} of 2</b>, step {step}" for picture in (1, 2) for step in (1, 2, 3)]
    assert [outcome.trial for _, outcome in events if outcome is not None] == trials(2, steps=3)
    assert "<b>2 pictures</b> painted" in events[-1][0]


def test_work_is_foreseen_and_time_only_once_measured(runner, photo):
    before = runner.forecast_html(trials(3))
    assert "<b>3 pictures</b> to decode, 6 steps in all" in before
    assert "about" not in before
    list(runner.run(photo, trials(1)))
    assert "as measured here" in runner.forecast_html(trials(3))
    assert "about" not in runner.forecast_html([replace(trial, fast=True) for trial in trials(3)])


def test_the_estimate_alone_has_no_pace(runner, photo):
    list(runner.run(photo, [Trial("ultra-low", "", Sampling(2, strength=0))]))
    assert "about" not in runner.forecast_html(trials(1))


def test_closing_stops_the_sampler(runner, codec, photo, monkeypatch):
    monkeypatch.setattr(sweep_runner, "MAX_TOTAL_STEPS", 10**9)
    running = runner.run(photo, trials(2, steps=100_000_000))
    next(running)
    next(running)
    running.close()
    assert codec.interrupted
    assert len(codec.calls) == 1


def test_failures_of_the_codec_pass(runner, codec, photo):
    codec.failure = ImageError("the photo is empty")
    with pytest.raises(gr.Error, match="The photo is empty"):
        list(runner.run(photo, trials(1)))


@pytest.mark.parametrize(
    ("count", "steps", "message"),
    [
        (0, 2, "at least one value"),
        (MAX_TRIALS + 1, 2, "61 pictures are too many"),
        (MAX_TRIALS, 21, "1,260 steps are too many"),
    ],
)
def test_nothing_and_too_much(runner, photo, count, steps, message):
    with pytest.raises(gr.Error, match=message):
        list(runner.run(photo, trials(count, steps)))


def test_what_was_painted_before_stop_is_said():
    assert "after 1 picture." in stopped_html(1)
    assert "Nothing was painted" in stopped_html(0)
