"""Files of given sizes, side by side."""

import csv
import json

import pytest

from percov2_demo.evaluation.protocol import Picture, Protocol
from percov2_demo.evaluation.refined import (
    REFINED,
    WITHOUT_BASE,
    budget_curves,
    measure_budgets,
    summarize_budgets,
)
from percov2_demo.evaluation.run import evaluate
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.sampling.settings import Sampling
from tests.scene import draw_scene


BUDGETS = (30, 200, 2000)


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Picture:
    path = tmp_path_factory.mktemp("drawn") / "scene.png"
    draw_scene(300, 300).save(path)
    return Picture(path, "", "crop", 1280)


@pytest.fixture(scope="module")
def measured(pipeline, picture, tmp_path_factory):
    out = tmp_path_factory.mktemp("measured")

    def metrics(original, decoded):
        return {"psnr": psnr(to_tensor(original), to_tensor(decoded))}

    return out, measure_budgets(pipeline, picture, BUDGETS, ["jpeg", "jpeg2000"], metrics, out)


def test_no_file_is_larger_than_its_budget(measured):
    _, rows = measured
    assert all(row["file_bytes"] <= row["budget"] for row in rows)
    # A random painter brings no picture nearer, so that its base is sent as it is.
    assert all(row["file_bytes"] > 0.5 * row["budget"] for row in rows if row["way"] != REFINED)


def test_ways_that_have_no_file_as_small_are_left_out(measured):
    _, rows = measured
    ways = {budget: {row["way"] for row in rows if row["budget"] == budget} for budget in BUDGETS}
    assert ways[30] == {WITHOUT_BASE}
    assert {REFINED, WITHOUT_BASE} <= ways[200]
    # JPEG has none of 2,000 bytes.
    assert ways[2000] == {REFINED, WITHOUT_BASE, "jpeg2000"}


def test_refined_files_are_written_and_decode_to_what_was_measured(pipeline, picture, measured):
    out, rows = measured
    row = next(row for row in rows if row["way"] == REFINED and row["budget"] == 200)
    data = (out / "streams" / "refined-200" / "scene.pcv2").read_bytes()
    assert len(data) == row["file_bytes"]
    decoded = pipeline.decompress(pipeline.read(data))
    assert psnr(to_tensor(picture.load()), to_tensor(decoded)) == row["psnr"]


def test_means_and_wins(measured):
    _, rows = measured
    points = summarize_budgets([*rows, *({**row, "image": "other", "psnr": row["psnr"] + 1} for row in rows)])
    point = next(point for point in points if point["way"] == "jpeg2000")
    row = next(row for row in rows if row["way"] == "jpeg2000")
    ours = next(row for row in rows if row["way"] == REFINED and row["budget"] == 2000)
    assert point["pictures"] == 2
    assert point["psnr"] == pytest.approx(row["psnr"] + 0.5, abs=0.01)
    assert point["refined_better_psnr"] == (2 if ours["psnr"] > row["psnr"] else 0)
    names = [curve.name for curve in budget_curves(points)]
    assert names[0] == "the same painter without a base stream, as DiffC"


def test_an_evaluation_has_a_table_of_budgets(pipeline, picture, tmp_path):
    protocol = Protocol(
        presets=("ultra-low",),
        entropies=("default",),
        samplings=(Sampling(steps=1),),
        fit="crop",
        captions="none",
        baselines=(),
        learned=(),
        dataset="drawn",
        budgets=(150,),
    )
    evaluate(pipeline, [picture], protocol, tmp_path)
    with (tmp_path / "refined.csv").open() as file:
        assert {row["way"] for row in csv.DictReader(file)} == {REFINED, WITHOUT_BASE}
    assert json.loads((tmp_path / "summary.json").read_text())["settings"]["budgets"] == [150]
    assert "Files of given sizes" in (tmp_path / "report.html").read_text("utf-8")
