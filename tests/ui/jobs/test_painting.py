"""The sampler as something to watch and to stop."""

import gradio as gr
import numpy as np
import pytest

from percov2_demo.bitstream import Bitstream
from percov2_demo.errors import ImageError
from percov2_demo.painters.offer import Painters
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.jobs.painting import Loading, paint, preview_steps
from tests.ui.fakes import FakePipeline, finish


STREAM = Bitstream(width=512, height=512, preset="ultra-low", model=7, indices=np.zeros((8, 8), np.int64))


class Progress(gr.Progress):
    """Remembers what the bar was told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def __call__(self, progress, desc=None, **kwargs):
        self.told.append((progress, desc))


def test_every_step_is_shown_and_the_picture_returned(fake):
    progress = Progress()
    updates, painted = finish(paint(fake, STREAM, Sampling(steps=3, seed=5), progress))
    assert len(updates) == 3
    assert [told[0] for told in progress.told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert progress.told[-1][1] == "Painting, step 3 of 3"
    assert painted.picture.size == (512, 512)
    assert painted.agreement == fake.agreement(STREAM, painted.picture)


def test_previews_are_few_and_shown_as_they_come(fake):
    def show(step, preview):
        return {"step": step, "brightness": preview and preview.getpixel((0, 0))[0]}

    updates, _ = finish(paint(fake, STREAM, Sampling(steps=20), show=show))
    assert [update["step"] for update in updates] == list(range(1, 21))
    previewed = {update["step"]: update["brightness"] for update in updates if update["brightness"] is not None}
    assert previewed == {1: 0, 5: 4, 10: 9, 15: 14}


@pytest.mark.parametrize(("steps", "previewed"), [(1, set()), (2, {1}), (4, {1, 2, 3}), (100, {1, 25, 50, 75})])
def test_the_last_step_needs_no_preview(steps, previewed):
    assert preview_steps(steps) == previewed


def test_settings_reach_the_codec(fake):
    settings = Sampling(4, 2.5, 0.7, 9)
    finish(paint(fake, STREAM, settings, Progress()))
    finish(paint(fake, STREAM, settings, Progress(), caption="a castle"))
    expected = {"steps": 4, "guidance_scale": 2.5, "strength": 0.7, "seed": 9}
    assert fake.calls == [expected, expected | {"caption": "a castle"}]


def test_closing_stops_the_sampler(fake):
    generator = paint(fake, STREAM, Sampling(steps=100_000_000), Progress())
    next(generator)
    generator.close()
    assert fake.interrupted


def test_a_painter_is_told_of_while_it_is_loaded(fake):
    def load(_source, progress):
        progress(1_000, 5_000_000)
        return fake.painters.own

    fake.painters = Painters(fake.painters.own, load)
    fake.painters.offer(["owner/painter"])
    told = []
    settings = Sampling(steps=1, painter="owner/painter")
    finish(paint(fake, STREAM, settings, show_loading=lambda loading: told.append(loading) or {}))
    assert told == [Loading("owner/painter"), Loading("owner/painter", 1_000, 5_000_000)]
    finish(paint(fake, STREAM, settings, show_loading=lambda loading: told.append(loading) or {}))
    assert len(told) == 2


def test_a_painter_that_cannot_be_used_is_a_sentence(fake):
    fake.painters.offer(["owner/painter"])
    with pytest.raises(gr.Error, match="The painter owner/painter cannot be used"):
        finish(paint(fake, STREAM, Sampling(steps=1, painter="owner/painter")))
    assert finish(paint(fake, STREAM, Sampling(steps=1)))[1].picture.size == (512, 512)


def test_failures_of_the_codec_pass():
    generator = paint(FakePipeline(failure=ImageError("the photo is empty")), STREAM, Sampling(), Progress())
    with pytest.raises(gr.Error, match="The photo is empty"):
        finish(generator)
