"""The handlers of the trade-off lab."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.sweeps import mean_and_deviation
from percov2_demo.ui.render.plots import RATE, heat_map
from percov2_demo.ui.tabs.tradeoff_lab import DEVIATION_PEAK, TradeoffLab
from tests.ui.lab_fakes import LabPipeline


VALUES = (["ultra-low", "low"], [1, 3], [2], [0.5], 1, False)
"""Presets, guidance scales, steps, strengths, seeds, whether fast."""


@pytest.fixture
def lab(blocks):
    return TradeoffLab(LabPipeline())


def run(lab, uploaded_photo, *values, caption="a grey wall"):
    photo = lab.prepare(uploaded_photo)[lab.fitted]
    return photo, list(lab.run(photo, "deep_realism", "psnr", caption, *values))


def points_of(figure):
    return sorted(number for trace in figure.data for number, *_ in trace.customdata)


def test_points_come_one_after_another(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    drawn = [update for update in updates if lab.plot in update]
    assert [points_of(update[lab.plot]) for update in drawn] == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert [len(update[lab.gallery]) for update in drawn] == [1, 2, 3, 4]
    last = drawn[-1]
    assert [label for _, label in last[lab.gallery]] == [
        f"{preset} · guidance {guidance}" for preset in ("ultra-low", "low") for guidance in (1, 3)
    ]
    for point, (path, _) in zip(last[lab.painted], last[lab.gallery], strict=True):
        assert point.path == path
        assert Image.open(path).size == (576, 384)
        assert point.thumbnail.startswith("gradio_api/file=")


def test_samples_have_a_mean_and_a_map(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, ["low"], [3], [2], [1], 3, False)
    last = [update for update in updates if lab.painted in update][-1]
    mean, deviation = mean_and_deviation([Image.open(point.path) for point in last[lab.painted]])
    assert np.array_equal(last[lab.mean], mean)
    assert np.array_equal(last[lab.deviation], heat_map(deviation, DEVIATION_PEAK))
    assert deviation.max() > 0
    assert last[lab.samples].visible is True


def test_single_pictures_have_no_map(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    assert not any(lab.samples in update for update in updates)


def test_points_can_be_taken_away(lab, uploaded_photo):
    photo, updates = run(lab, uploaded_photo, *VALUES)
    points = [update[lab.painted] for update in updates if lab.painted in update][-1]
    resting = lab.rest(photo, points)
    table, data = (Path(resting[button].value["path"]) for button in (lab.csv, lab.json))
    assert (table.name, data.name) == ("My-holiday-1-sweep.csv", "My-holiday-1-sweep.json")
    rows = json.loads(data.read_text())
    assert rows == [point.row for point in points]
    with table.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["psnr"]) for row in read] == [row["psnr"] for row in rows]
    assert [row["caption"] for row in read] == ["a grey wall"] * 4
    assert resting[lab.run_button].visible is True


def test_stop_keeps_the_finished_points(lab, uploaded_photo):
    photo, updates = run(lab, uploaded_photo, *VALUES)
    points = next(update[lab.painted] for update in updates if lab.painted in update)
    assert "after 1 picture." in lab.say_stopped(points)
    updates = lab.rest(photo, points)
    assert len(json.loads(Path(updates[lab.json].value["path"]).read_text())) == 1
    assert lab.csv not in lab.rest(None, [])


def test_a_clicked_point_opens_its_picture(lab):
    assert lab.pick(SimpleNamespace(index=4)).selected_index == 4


def test_other_axes(lab, uploaded_photo):
    _, updates = run(lab, uploaded_photo, *VALUES)
    points = [update[lab.painted] for update in updates if lab.painted in update][-1]
    figure = lab.draw(points, RATE, "psnr")
    assert {x for trace in figure.data for x in trace.x} == {point.row[RATE] for point in points}
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
    assert updates[lab.painted] == []
    assert updates[lab.plot] is None
    assert updates[lab.csv].interactive is False
    assert updates[lab.samples].visible is False
