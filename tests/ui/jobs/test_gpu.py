"""Jobs where the model runs: in this process, and as on ZeroGPU in a forked one."""

import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest

from percov2_demo.sampling.settings import Sampling
from percov2_demo.sweeps import Trial
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.painting import paint
from percov2_demo.ui.jobs.sweep_runner import SweepRunner
from tests.conftest import tiny_pipeline
from tests.painters.tiny import save_tiny
from tests.scene import draw_scene
from tests.ui import zero_gpu
from tests.ui.fakes import FakePipeline, finish


@pytest.fixture(params=["here", "forked"])
def place(request, monkeypatch) -> Iterator[str]:
    if request.param == "forked":
        monkeypatch.setitem(sys.modules, "spaces", zero_gpu)
        importlib.reload(gpu)
    yield request.param
    monkeypatch.undo()
    importlib.reload(gpu)


def tell_process(pipeline: Any, *values: Any) -> Iterator[Any]:
    yield os.getpid()
    pipeline.interrupted = True
    yield values


def raise_error(_pipeline: Any, error: Exception) -> Iterator[Any]:
    yield 1
    raise error


def test_a_job_runs_with_the_pipeline_that_it_is_given(place):
    pipeline = FakePipeline()
    process, values = gpu.run(pipeline, 5, tell_process, "a", 2)
    assert values == ("a", 2)
    assert (process == os.getpid()) == pipeline.interrupted == (place == "here")


def test_errors_reach_the_visitor(place):
    with pytest.raises(gr.Error, match="went wrong on our side"):
        list(gpu.run(FakePipeline(), 5, raise_error, RuntimeError("/secret/path")))
    with pytest.raises(gr.Error, match="choose a photo") as raised:
        list(gpu.run(FakePipeline(), 5, raise_error, gr.Error("choose a photo", print_exception=False)))
    assert raised.value.print_exception is False


def test_the_time_is_asked_for(place):
    zero_gpu.reserved.clear()
    list(gpu.run(FakePipeline(), 7, tell_process))
    assert zero_gpu.reserved == ([] if place == "here" else [7])


def test_time_grows_with_steps_and_picture():
    small, longer, larger = (gpu.reserved_seconds(*work) for work in ((8, 512, 512), (80, 512, 512), (8, 2048, 2048)))
    assert gpu.reserved_seconds() == gpu.SECONDS_AT_START < small < longer < larger
    # An anonymous visitor has two minutes a day.
    assert small <= 20


def test_a_photo_goes_through_the_codec(place, pipeline):
    photo = draw_scene(256, 192)
    stream = gpu.call(pipeline, 5, "compress", photo, preset="low", caption=gpu.call(pipeline, 5, "caption", photo))
    assert stream == pipeline.compress(photo, preset="low", caption=pipeline.caption(photo))
    settings = Sampling(3, strength=0.5, seed=4)
    updates, painted = finish(paint(pipeline, stream, settings, show=lambda step, preview: (step, preview)))
    picture = painted.picture
    assert [step for step, _ in updates] == [1, 2, 3]
    assert updates[0][1].size == picture.size == (stream.width, stream.height)
    expected = pipeline.decompress(stream, settings.steps, settings.guidance, settings.strength, settings.seed)
    assert np.abs(np.asarray(picture, int) - np.asarray(expected, int)).max() <= 1


def test_a_public_model_paints_where_the_gpu_is(place, tmp_path):
    """It is loaded before the first process is forked, as `serve` does it on a ZeroGPU Space."""
    pipeline = tiny_pipeline()
    pipeline.offer_painters([save_tiny("sd", tmp_path)])
    pipeline.painters.find("sd")
    stream = pipeline.compress(draw_scene(128, 128))
    settings = Sampling(2, 1.0, 0.5, painter="sd")
    loadings = []
    updates, painted = finish(
        paint(pipeline, stream, settings, show=lambda step, preview: (step, preview), show_loading=loadings.append)
    )
    assert [step for step, _ in updates] == [1, 2]
    assert loadings == []
    expected = pipeline.decompress(stream, 2, 1.0, 0.5, painter="sd")
    assert np.abs(np.asarray(painted.picture, int) - np.asarray(expected, int)).max() <= 1
    assert painted.agreement == pipeline.agreement(stream, painted.picture)


def test_the_codecs_own_work_needs_no_gpu_where_painters_have_it(place):
    zero_gpu.reserved.clear()
    pipeline = FakePipeline()
    pipeline.painters.apart = True
    process, _ = gpu.run(pipeline, 7, tell_process)
    assert process == os.getpid()
    assert zero_gpu.reserved == []
    list(gpu.run(pipeline, 7, tell_process, painter="owner/painter"))
    assert zero_gpu.reserved == ([] if place == "here" else [7])


def test_a_refusal_of_the_codec_keeps_its_sentence(place, pipeline):
    with pytest.raises(gr.Error, match="Unknown preset"):
        gpu.call(pipeline, 5, "compress", draw_scene(128, 128), preset="huge")


def test_a_sweep_and_its_pace(place, pipeline, blocks, uploaded_photo):
    runner = SweepRunner(pipeline)
    trials = [Trial("ultra-low", caption, Sampling(2, strength=0.5)) for caption in ("", "a castle")]
    photo = PhotoInput("test", pipeline.max_side, "test-result").read(uploaded_photo)
    outcomes = [outcome for _, outcome in runner.run(photo, trials) if outcome is not None]
    assert [outcome.trial for outcome in outcomes] == trials
    assert "as measured here" in runner.forecast_html(trials)


def test_closing_stops_the_sampler(place, pipeline):
    stream = pipeline.compress(draw_scene(128, 128))
    painting = paint(pipeline, stream, Sampling(1000, strength=1.0))
    next(painting)
    painting.close()
    with pytest.raises(StopIteration):
        next(painting)
