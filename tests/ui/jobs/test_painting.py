"""The sampler as something to watch and to stop."""

import gradio as gr
import numpy as np
import pytest

from percov2_demo.bitstream import Bitstream
from percov2_demo.errors import ImageError
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.jobs.painting import paint, preview_steps
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
    updates, picture = finish(paint(fake, STREAM, Sampling(steps=3, seed=5), progress))
    assert len(updates) == 3
    assert [told[0] for told in progress.told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert progress.told[-1][1] == "Painting, step 3 of 3"
    assert picture.size == (512, 512)


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


def test_failures_of_the_codec_pass():
    generator = paint(FakePipeline(failure=ImageError("the photo is empty")), STREAM, Sampling(), Progress())
    with pytest.raises(gr.Error, match="The photo is empty"):
        finish(generator)
