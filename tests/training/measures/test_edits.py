"""Captions that name an edit: the figures tell the edits, and the table says what moved."""

import csv

import numpy as np
import pytest

from percov2_demo.training.data.edits import EDITS
from percov2_demo.training.measures.edits import FIGURES, measure_edits
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_moves_its_own_figure(edit):
    photo = np.asarray(draw_scene(96, 64))
    figure = FIGURES[edit.name]
    edited = edit(photo, np.random.default_rng(1))
    assert (figure.measure(edited.astype(float)) > figure.measure(photo.astype(float))) == figure.rises


def test_the_table_counts_pictures_that_moved_the_right_way(tmp_path, monkeypatch):
    """A painter that follows captions to the letter, and one that does not read them."""
    pipeline = tiny_pipeline(draws_scales=True)
    pictures = [draw_scene(128, 128), draw_scene(128, 128).transpose(0)]
    by_caption = {edit.caption.format("a house"): edit for edit in EDITS}

    def paint(stream, guidance_scale, strength, caption, painter):
        edit = by_caption.get(caption)
        return pictures[0] if edit is None else edit(np.asarray(pictures[0]), np.random.default_rng(0))

    for painter, expected in ((paint, len(pictures)), (lambda stream, **settings: pictures[0], 0)):
        monkeypatch.setattr(pipeline, "decompress", painter)
        measure_edits(pipeline, pictures, ["a house"] * 2, [1.0], tmp_path)
        with (tmp_path / "edits.csv").open() as file:
            rows = list(csv.DictReader(file))
        drawn = [("scales", "ultra-low"), ("scales", "low")]
        painted = [("own", preset) for preset in pipeline.presets] + drawn
        guided = [
            (*combination, guidance)
            for combination in painted
            for guidance in {"own": ("1.0", "3.0")}.get(combination[0], ("1.0",))
        ]
        assert [(row["painter"], row["preset"], row["guidance"]) for row in rows[:: len(EDITS)]] == guided
        assert len(rows) == len(guided) * len(EDITS)
        assert {int(row["right_way"]) for row in rows} == {expected}
        assert {row["pictures"] for row in rows} == {"2"}
        night = next(row for row in rows if row["edit"] == "night")
        assert float(night["change_of_the_edit"]) < 0
        assert (float(night["change"]) < 0) == bool(expected)
