"""The handlers of the caption lab."""

import csv
import io
import json
from types import SimpleNamespace
from zipfile import ZipFile

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.checkpoints.folders import EMBEDDED_MODEL, followed_edits
from percov2_demo.sweeps import difference
from percov2_demo.ui.panels.caption_grid import NoiseFloor, archive_cells
from percov2_demo.ui.render.heat import heat_map
from percov2_demo.ui.tabs.caption_lab import MAX_CAPTIONS, PHOTO, CaptionLab
from tests.ui.lab_fakes import CaptioningPipeline, LabPipeline


@pytest.fixture
def codec():
    return LabPipeline()


@pytest.fixture
def lab(codec, session):
    return CaptionLab(codec, session)


def run(lab, uploaded_photo, captions, automatic=False, floor=0, strengths=(), guidances=(), seed=3):
    photo = lab.prepare(uploaded_photo, captions)[lab.fitted]
    arguments = (32, "low", captions, automatic, floor, strengths, guidances, 2, 3.0, 0.8, seed)
    return list(lab.run(photo, (), *arguments))


def merged(updates):
    return {component: value for update in updates for component, value in update.items()}


def test_a_cell_for_no_caption_and_for_each_line(lab, codec, uploaded_photo):
    updates = run(lab, uploaded_photo, "an old castle\n\n  <b>a lighthouse</b> \nan old castle")
    filled = [update for update in updates if lab.painted in update]
    assert [len(update[lab.painted]) for update in filled] == [1, 2, 3]
    assert [update[lab.grid].count("<li") for update in filled] == [1, 2, 3]
    html = filled[-1][lab.grid]
    assert "No caption" in html
    assert "<b>0 bits of text</b>" in html
    assert "“an old castle”" in html
    # Raw deflate of 13 letters takes 15 bytes.
    assert "<b>120 bits of text</b>: 15 of the file" in html
    assert "“&lt;b&gt;a lighthouse&lt;/b&gt;”" in html
    assert [call["seed"] for call in codec.calls] == [3, 3, 3]
    assert filled[-1][lab._session.runs] == filled[-1][lab.painted]


def test_maps_show_the_difference_to_no_caption(lab, uploaded_photo):
    shown = merged(run(lab, uploaded_photo, "an old castle"))
    plain, castle = (Image.open(run.picture) for run in shown[lab.painted])
    without, cell = shown[lab.cells]
    assert without.map == ""
    assert cell.change == pytest.approx(difference(plain, castle).mean())
    assert f"<b>{cell.change:.1f}</b> of 255" in shown[lab.grid]
    drawn = Image.open(cell.drawing)
    assert np.array_equal(drawn, heat_map(difference(plain, castle), 32))
    again = lab.redraw(shown[lab.painted], 8)
    redrawn = Image.open(again[lab.cells][1].drawing)
    assert np.array_equal(redrawn, heat_map(difference(plain, castle), 8))
    assert "8 and more" in again[lab.grid]


def test_the_noise_floor_is_of_other_seeds_without_a_caption(lab, codec, uploaded_photo):
    shown = merged(run(lab, uploaded_photo, "an old castle", floor=2))
    assert [call["seed"] for call in codec.calls] == [3, 3, 4, 5]
    pictures = [Image.open(run.picture) for run in shown[lab.painted]]
    changes = [difference(pictures[0], other).mean() for other in pictures[2:]]
    assert f"other noise alone, by {np.mean(changes):.1f} ± {np.std(changes, ddof=1):.1f}" in shown[lab.grid]
    assert shown[lab.grid].count("<li") == 2


def test_the_archive_has_maps_with_their_scale_and_the_noise_floor(lab, uploaded_photo):
    shown = merged(run(lab, uploaded_photo, "an old castle", floor=2, strengths=[0.4]))
    cells = lab.redraw(shown[lab.painted], 8)[lab.cells]
    archive = ZipFile(io.BytesIO(archive_cells(cells)))
    maps = [name for name in archive.namelist() if name.startswith("maps/")]
    assert maps == ["maps/run-002-low.png", "maps/run-004-low.png"]
    drawn = Image.open(io.BytesIO(archive.read(maps[0])))
    pictures = [Image.open(io.BytesIO(archive.read(f"pictures/run-00{number}-low.png"))) for number in (1, 2, 5, 6)]
    assert np.array_equal(drawn, heat_map(difference(pictures[0], pictures[1]), 8))
    described = json.loads(archive.read("settings/run-002-low.json"))["map"]
    assert (described["maximum"], described["compared_with"]) == (8, 1)
    assert described["scale"].startswith("linear from 0")
    assert "map" not in json.loads(archive.read("settings/run-001-low.json"))

    rows = list(csv.DictReader(io.StringIO(archive.read("runs.csv").decode())))
    floor = [difference(pictures[0], other).mean() for other in pictures[2:]]
    for row in (rows[1], rows[4], rows[5]):
        assert float(row["noise_floor_mean"]) == pytest.approx(np.mean(floor))
        assert float(row["noise_floor_deviation"]) == pytest.approx(np.std(floor, ddof=1))
        assert row["noise_floor_seeds"] == "2"
    # The seeds were painted with the first strength.
    assert [row["noise_floor_mean"] for row in (rows[0], rows[2], rows[3])] == ["", "", ""]
    assert float(rows[1]["change"]) == pytest.approx(difference(pictures[0], pictures[1]).mean())
    assert rows[3]["compared_with"] == "3"


def test_one_other_seed_has_no_spread(lab, uploaded_photo):
    cells = merged(run(lab, uploaded_photo, "an old castle", floor=1))[lab.cells]
    floor = NoiseFloor.of(cells)
    assert (floor.mean, floor.deviation, floor.seeds) == (cells[2].change, None, 1)
    assert str(floor) == f"{cells[2].change:.1f}"
    assert NoiseFloor.of(cells[:2]) is None


def test_strengths_and_guidances_make_a_grid(lab, codec, uploaded_photo):
    shown = merged(run(lab, uploaded_photo, "one\ntwo", strengths=[0.4], guidances=[7]))
    assert len(codec.calls) == 2 * (1 + 2 * 2)
    for title in ("Strength 0.8, guidance 3", "Strength 0.8, guidance 7", "Strength 0.4, guidance 7"):
        assert f"<h3>{title}</h3>" in shown[lab.grid]
    assert shown[lab.grid].count("<li") == 4 * 3


def test_the_words_bytes_stand_beside_what_they_bought(lab, uploaded_photo):
    html = merged(run(lab, uploaded_photo, "a wall\na grey wall of old bricks"))[lab.grid]
    assert '<th scope="row">a wall</th><td>6</td>' in html
    assert '<th scope="row">No caption</th><td>0</td><td>0</td>' in html
    assert "PSNR" in html


def test_two_pictures_are_compared(lab, uploaded_photo):
    photo = lab.prepare(uploaded_photo, "a wall")[lab.fitted]
    painted = merged(run(lab, uploaded_photo, "a wall"))[lab.painted]
    html = lab.compare(photo, painted, PHOTO, 2)
    assert "A: the photo" in html
    assert "B: 2: “a wall”" in html
    assert lab.pick(photo, painted, PHOTO, SimpleNamespace(index=1))[lab.second] == 1
    with pytest.raises(gr.Error, match="no longer here"):
        lab.compare(photo, painted, PHOTO, 9)


def test_what_differs_from_compress_is_said(lab, codec, uploaded_photo, monkeypatch):
    monkeypatch.setattr(codec, "default_strength", lambda preset: 0)
    said = merged(run(lab, uploaded_photo, "a wall"))[lab.settings]
    assert "strength 0.8, guidance 3, 2 steps" in said
    assert "Compress paints with strength 0, where a caption changes nothing" in said
    assert "follows words" not in said
    monkeypatch.setattr(codec, "name_or_path", EMBEDDED_MODEL)
    said = merged(run(lab, uploaded_photo, "a wall"))[lab.settings]
    monkeypatch.setattr(codec, "default_guidance", 1.0)
    measured = followed_edits(EMBEDDED_MODEL, 1.0)
    assert measured is not None
    assert f"over {measured.pictures} pictures" in said
    assert f"changed what they should in {measured.fewest} or more" in said


def test_an_empty_seed_is_the_default(lab, codec, uploaded_photo):
    run(lab, uploaded_photo, "", seed=None)
    assert [call["seed"] for call in codec.calls] == [0]


def test_without_a_captioner_none_is_offered(lab):
    assert lab.automatic.visible is False


def test_the_automatic_caption_is_called_so(session, uploaded_photo):
    lab = CaptionLab(CaptioningPipeline(), session)
    assert lab.automatic.visible is True
    html = merged(run(lab, uploaded_photo, "an old castle", automatic=True))[lab.grid]
    assert "“a grey wall” <small>automatic</small>" in html
    assert html.count("<small>") == 1


def test_the_work_is_foreseen(lab):
    sampling = (10, 3.0, 0.8, 3)
    assert "<b>3 pictures</b> to decode, 30 steps" in lab.foresee("low", "one\ntwo", False, 0, [], [], *sampling)
    assert "<b>4 pictures</b>" in lab.foresee("low", "", True, 2, [], [], *sampling)


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ("\n".join("abcdefgh"[: MAX_CAPTIONS + 1]), "8 captions are too many"),
        ("é" * MAX_CAPTION_BYTES, f"at most {MAX_CAPTION_BYTES} bytes"),
    ],
)
def test_captions_that_cannot_be(lab, uploaded_photo, captions, message):
    with pytest.raises(gr.Error, match=message):
        lab.prepare(uploaded_photo, captions)


def test_the_first_strength_is_between_the_models_own_and_pure_noise(codec, session, monkeypatch):
    monkeypatch.setattr(codec, "default_strength", lambda preset: 0.34)
    assert CaptionLab(codec, session).sampling.strength.value == 0.67
    monkeypatch.setattr(codec, "default_strength", lambda preset: 1.0)
    assert CaptionLab(codec, session).sampling.strength.value == 1.0


def test_a_new_run_starts_empty(lab, uploaded_photo):
    updates = lab.prepare(uploaded_photo, "an old castle")
    assert updates[lab.grid] == ""
    assert updates[lab.cells] == ()
    assert updates[lab.run_button].visible is False
