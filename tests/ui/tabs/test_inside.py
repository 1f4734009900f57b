"""The handlers of the tab that looks inside the codec, on a tiny random model."""

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import Withheld
from percov2_demo.errors import ImageError
from percov2_demo.ui.server.files import png_bytes, save_download
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.tabs.inside import SCHEDULE_CHOICES, InsideTab
from tests.ui.fakes import FakePipeline


@pytest.fixture
def tab(pipeline, session):
    return InsideTab(pipeline, session)


@pytest.fixture
def one_step(monkeypatch):
    monkeypatch.setattr("percov2_demo.pipelines.base.CodecPipeline.default_steps", 1)


@pytest.fixture
def stream(pipeline):
    photo = Image.linear_gradient("L").convert("RGB").resize((512, 512))
    return pipeline.compress(photo, caption="an old castle", entropy="quincunx")


@pytest.fixture
def fitted():
    picture = Image.linear_gradient("L").convert("RGB").resize((512, 512))
    path = save_download(png_bytes(picture), "photo.png")
    return FittedPhoto(path, "photo", picture.size, path, 5000, "native")


@pytest.mark.parametrize("choice", [choice for _, choice in SCHEDULE_CHOICES])
def test_a_photo_is_coded_as_asked(tab, uploaded_photo, choice):
    updates = tab.encode(uploaded_photo, " an old castle ", "low", choice)
    stream = updates[tab.stream]
    entropy, _, steps = choice.partition(":")
    assert (stream.entropy, stream.entropy_steps) == (entropy, int(steps) if steps else None)
    assert (stream.preset, stream.caption) == ("low", "an old castle")
    groups = updates[tab.received].maximum
    assert f"Group {groups} of {groups}" in updates[tab.maps]
    assert f"the whole file is {len(stream.to_bytes())} bytes" in updates[tab.headline]


def test_what_is_no_photo(tab):
    with pytest.raises(gr.Error, match="Choose a photo first"):
        tab.encode(None, "", "low", "quincunx")
    junk = {"path": save_download(b"junk", "junk.png"), "orig_name": "junk.png"}
    with pytest.raises(ImageError, match="not a picture"):
        tab.encode(junk, "", "low", "quincunx")


def test_a_model_without_entropy_models_says_so(tab, uploaded_photo, pipeline, monkeypatch):
    monkeypatch.setattr(type(pipeline), "entropy_coder", None)
    with pytest.raises(gr.Error, match="no entropy models"):
        tab.encode(uploaded_photo, "", "low", "quincunx")


def test_a_transmission_that_stops(tab, pipeline, stream, fitted, one_step):
    experiments = tab.experiments
    note, *_, last = experiments.cut(stream, fitted, (), 2, 7, 0.5)
    file = pipeline.recode(stream, entropy="quincunx", withheld=Withheld(2, 7, 0.5))
    (run,) = last[tab._session.runs]
    assert (run.stream, run.note, run.origin.withheld) == (file.to_bytes(), "2 groups of 5 received", 3)
    assert f"2 of 5 groups, a file of {len(file.to_bytes())} bytes" in note[experiments.cut_note]
    assert "8 of 64 tokens were sent, 56 drawn" in note[experiments.cut_note]
    painted = Image.open(last[experiments.cut_picture])
    assert np.array_equal(painted, pipeline.decompress(file, num_inference_steps=1))


def test_a_transmission_that_arrives_is_the_stream_itself(tab, pipeline, stream, fitted, one_step):
    experiments = tab.experiments
    note, *_, last = experiments.cut(stream, fitted, (), 5, 7, 0.5)
    assert f"a file of {len(stream.to_bytes())} bytes" in note[experiments.cut_note]
    painted = Image.open(last[experiments.cut_picture])
    assert np.array_equal(painted, pipeline.decompress(stream, num_inference_steps=1))


def test_lost_tokens(tab, pipeline, stream, fitted, one_step):
    experiments = tab.experiments
    note, *_, last = experiments.lose(stream, fitted, (), 50, 3, 1.0)
    assert "32 of 64 tokens lost" in note[experiments.lose_map]
    (run,) = last[tab._session.runs]
    assert run.note == "32 of 64 tokens lost"
    assert (run.stream, run.picture) == (stream.to_bytes(), last[experiments.lose_picture])
    assert run.metrics["psnr"] > 0


def test_a_stream_that_is_gone_is_said(tab):
    for run in (tab.experiments.cut, tab.experiments.lose):
        with pytest.raises(gr.Error, match="Press Look inside first"):
            next(run(None, None, (), 1, 0, 1.0))


def test_the_presets_are_the_models(session):
    tab = InsideTab(FakePipeline(), session)
    assert tab.preset.choices[0] == ("Ultra-low\n8×8 tokens", "ultra-low")
