"""The handlers of the trade-off lab."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.sweeps import mean_and_deviation
from percov2_demo.ui.render.heat import heat_map
from percov2_demo.ui.render.plots import RATE
from percov2_demo.ui.tabs.tradeoff_lab import DEVIATION_PEAK, TradeoffLab
from tests.ui.lab_fakes import LabPipeline
from tests.ui.session.test_run import RUN


VALUES = (["ultra-low", "low"], [1, 3], [2], [0.5], 1, False)
"""Presets, guidance scales, steps, strengths, seeds, whether fast."""


@pytest.fixture
def lab(session):
    return TradeoffLab(LabPipeline(), session)


def run(lab, uploaded_photo, *values, caption="a grey wall"):
    photo = lab.prepare(uploaded_photo)[lab.fitted]
    return photo, list(lab.run(photo, (), "deep_realism", "psnr", caption, *values))


def points_of(figure):
    return sorted(number for trace in figure.data for number, *_ in trace.customdata)


def test_points_come_one_after_another(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    drawn = [update for update in updates if lab.plot in update]
    assert [points_of(update[lab.plot]) for update in drawn] == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]
    assert [update[lab.cards].count("<li") for update in drawn] == [1, 2, 3, 4]
    last = drawn[-1]
    runs = last[lab.painted]
    assert runs == last[lab._session.runs]
    settings = [(run.preset, run.sampling.guidance) for run in runs]
    assert settings == [(preset, guidance) for preset in ("ultra-low", "low") for guidance in (1, 3)]
    assert {(run.name, run.job, run.caption, run.fast) for run in runs} == {("My-holiday-1", 1, "a grey wall", False)}
    for run_ in runs:
        assert Image.open(run_.picture).size == Image.open(run_.original).size == (576, 384)
        assert run_.metrics["psnr"] > 0
        assert Bitstream.from_bytes(run_.stream).preset == run_.preset


def test_samples_have_a_mean_and_a_map(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, ["low"], [3], [2], [1], 3, False)
    last = [update for update in updates if lab.painted in update][-1]
    mean, deviation = mean_and_deviation([Image.open(run.picture) for run in last[lab.painted]])
    assert np.array_equal(last[lab.mean], mean)
    assert np.array_equal(last[lab.deviation], heat_map(deviation, DEVIATION_PEAK))
    assert deviation.max() > 0
    assert last[lab.samples].visible is True


def test_single_pictures_have_no_map(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    assert not any(lab.samples in update for update in updates)


def test_numbers_go_on_after_the_sessions_runs(lab, uploaded_photo):
    photo = lab.prepare(uploaded_photo)[lab.fitted]
    updates = list(lab.run(photo, (replace(RUN, number=7),), "deep_realism", "psnr", "", *VALUES))
    assert [run.number for run in updates[-1][lab.painted]] == [8, 9]


def test_stop_keeps_the_finished_points(lab, uploaded_photo):
    photo, updates = run(lab, uploaded_photo, *VALUES)
    painted = next(update[lab.painted] for update in updates if lab.painted in update)
    assert "after 1 picture." in lab.say_stopped(painted)
    assert lab.rest(photo, painted)[lab.run_button].visible is True


def test_a_clicked_point_opens_its_picture(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    painted = updates[-1][lab.painted]
    shown = lab.pick(painted, SimpleNamespace(index=2))
    assert "Run 2" in shown[lab.view.heading]
    assert 'class="comparison' in shown[lab.view.picture]
    with pytest.raises(gr.Error, match="no longer here"):
        lab.pick(painted, SimpleNamespace(index=9))


def test_other_axes(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    painted = updates[-1][lab.painted]
    figure = lab.draw(painted, RATE, "psnr")
    assert {x for trace in figure.data for x in trace.x} == {run.rates.file_bpp for run in painted}
    assert lab.draw([], RATE, "psnr") is None


def test_the_work_is_foreseen(lab):
    assert "<b>4 pictures</b> to decode, 8 steps" in lab.foresee("a grey wall", *VALUES)
    # Guidance has nothing to act on.
    assert "<b>2 pictures</b>" in lab.foresee("", *VALUES)


def test_no_value_and_no_photo(lab, uploaded_photo):
    with pytest.raises(gr.Error, match="at least one value"):
        run(lab, uploaded_photo, ["low"], [], [2], [0.5], 1, False)
    with pytest.raises(gr.Error, match="Choose a photo first"):
        lab.prepare(None)


def test_a_new_sweep_starts_empty(lab, uploaded_photo):
    updates = lab.prepare(uploaded_photo)
    assert updates[lab.painted] == ()
    assert updates[lab.plot] is None
    assert updates[lab.cards] == ""
    assert updates[lab.samples].visible is False
