"""Everything of a session in one ZIP file."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from percov2_demo.ui.session.archive import MAX_DRAWING, Supplement, archive_bytes
from tests.ui.session.test_run import RUN


@pytest.fixture
def run(saved_picture):
    return replace(RUN, picture=saved_picture, original=saved_picture, thumbnail=saved_picture)


def open_archive(*arguments):
    return ZipFile(io.BytesIO(archive_bytes(*arguments)))


def test_an_archive_has_all_that_belongs_to_a_run(run):
    archive = open_archive([run, replace(run, number=4, preset="low")], "<svg></svg>")
    assert set(archive.namelist()) == {
        *("README.txt", "runs.csv", "plot.svg", "originals/holiday-of-run-003.png"),
        *("pictures/run-003-ultra-low.png", "streams/run-003-ultra-low.pcv2", "settings/run-003-ultra-low.json"),
        *("pictures/run-004-low.png", "streams/run-004-low.pcv2", "settings/run-004-low.json"),
    }
    assert "maps/" not in archive.read("README.txt").decode()
    assert archive.read("streams/run-003-ultra-low.pcv2") == run.stream
    assert archive.read("pictures/run-003-ultra-low.png") == Path(run.picture).read_bytes()
    assert json.loads(archive.read("settings/run-003-ultra-low.json")) == run.to_dict()
    rows = list(csv.DictReader(io.StringIO(archive.read("runs.csv").decode())))
    assert [(row["number"], row["name"], row["ms_ssim"]) for row in rows] == [("3", "holiday", "0.5")] * 1 + [
        ("4", "holiday", "0.5")
    ]


def test_an_archive_has_what_a_lab_adds(run):
    more = Supplement({"change": 2.5}, {"map": {"maximum": 8}}, run.thumbnail)
    archive = open_archive([run, replace(run, number=4)], "", {4: more})
    assert [name for name in archive.namelist() if name.startswith("maps/")] == ["maps/run-004-ultra-low.png"]
    assert archive.read("maps/run-004-ultra-low.png") == Path(run.thumbnail).read_bytes()
    assert json.loads(archive.read("settings/run-004-ultra-low.json"))["map"] == {"maximum": 8}
    rows = list(csv.DictReader(io.StringIO(archive.read("runs.csv").decode())))
    assert [row["change"] for row in rows] == ["", "2.5"]
    assert "maps/" in archive.read("README.txt").decode()
    assert "plot.svg" not in archive.read("README.txt").decode()


def test_what_is_deleted_is_left_out(run):
    gone = replace(run, picture=run.picture + ".gone", original=None)
    names = open_archive([gone]).namelist()
    assert "streams/run-003-ultra-low.pcv2" in names
    assert not [name for name in names if name.startswith(("pictures/", "originals/", "plot"))]


@pytest.mark.parametrize("drawing", ["", "<html></html>", "<svg>" + " " * MAX_DRAWING])
def test_what_is_no_drawing_is_left_out(run, drawing):
    assert "plot.svg" not in open_archive([run], drawing).namelist()
