"""The choice of the default strength."""

import csv
import io

import pytest
from PIL import Image

from percov2_demo.data.shards import Photo
from percov2_demo.training.measures import strength
from percov2_demo.training.measures.strength import read_strengths, sweep_strengths


FIGURES = {
    # The best realism of all costs too much; of the allowed ones the best is neither the first nor the last.
    "ultra-low": {0.0: (20.0, 0.9), 0.2: (19.8, 0.8), 0.4: (19.2, 0.5), 0.6: (19.0, 0.6), 1.0: (15.0, 0.1)},
    # Exactly as much as is allowed is allowed.
    "low": {0.0: (22.0, 0.5), 0.2: (21.5, 0.4), 0.4: (21.0, 0.3), 0.6: (20.99, 0.2), 1.0: (20.0, 0.1)},
    # None is allowed.
    "extreme-low": {0.0: (25.0, 0.5), 0.2: (23.0, 0.4), 0.4: (22.0, 0.3), 0.6: (21.0, 0.2), 1.0: (20.0, 0.1)},
}
"""PSNR and realism by preset and strength."""

LIMITS = dict.fromkeys(FIGURES, 1.0)

SPREAD = {"dark": -1.0, "light": 1.0}
"""How far a photo's PSNR is from the mean."""


class FakePipeline:
    """Streams are preset and caption; pictures are these and the strength."""

    presets = tuple(FIGURES)

    def __init__(self):
        self.steps = set()

    def compress(self, image, preset, caption):
        assert image.size == (512, 512)
        return preset, caption

    def decompress(self, stream, num_inference_steps, strength):
        self.steps.add(num_inference_steps)
        return *stream, strength


@pytest.fixture
def photos():
    buffer = io.BytesIO()
    Image.new("RGB", (80, 64)).save(buffer, "PNG")
    return [Photo(buffer.getvalue(), (caption, "another caption"), "a") for caption in SPREAD]


@pytest.fixture
def pipeline(monkeypatch):
    monkeypatch.setattr(strength, "to_tensor", lambda picture: picture)
    monkeypatch.setattr(strength, "psnr", lambda _, second: FIGURES[second[0]][second[2]][0] + SPREAD[second[1]])
    monkeypatch.setattr(strength, "patch_realism", lambda _, second: FIGURES[second[0]][second[2]][1])
    return FakePipeline()


def test_best_realism_within_the_allowed_loss_is_chosen(pipeline, photos, tmp_path):
    sweep_strengths(pipeline, photos, [0.2, 0.4, 0.6, 1.0], steps=3, max_loss_db=LIMITS, folder=tmp_path)
    assert read_strengths(tmp_path) == {"ultra-low": 0.4, "low": 0.4, "extreme-low": 0.2}
    assert pipeline.steps == {3}


def test_more_loss_allows_a_preset_more_strength(pipeline, photos, tmp_path):
    limits = LIMITS | {"low": 2.0}
    sweep_strengths(pipeline, photos, [0.2, 0.4, 0.6, 1.0], steps=3, max_loss_db=limits, folder=tmp_path)
    assert read_strengths(tmp_path) == {"ultra-low": 0.4, "low": 1.0, "extreme-low": 0.2}


def test_the_whole_curve_is_kept_as_means_over_the_photos(pipeline, photos, tmp_path):
    sweep_strengths(pipeline, photos, [0.2, 1.0], steps=3, max_loss_db=LIMITS, folder=tmp_path / "new")
    with (tmp_path / "new" / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["preset"], float(row["strength"]), float(row["psnr"]), float(row["realism"])) for row in rows] == [
        (preset, at, *figures[at]) for preset, figures in FIGURES.items() for at in (0.0, 0.2, 1.0)
    ]


def test_without_a_measurement_there_is_no_choice(tmp_path):
    assert read_strengths(tmp_path) is None
