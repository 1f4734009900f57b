"""The choice of the default strength."""

import csv
import io

import pytest
from PIL import Image

from percov2_demo.data.shards import Photo
from percov2_demo.training.measures import strength
from percov2_demo.training.measures.strength import read_strengths, sweep_strengths


FIGURES = {
    # The highest is too far away, the lowest looks too little real.
    "ultra-low": {0.0: (1.4, 8.0), 0.2: (1.41, 5.0), 0.4: (1.44, 5.1), 0.6: (1.45, 5.2), 1.0: (1.6, 5.1)},
    # What is near enough and what looks real enough are not the same.
    "low": {0.0: (1.2, 8.0), 0.2: (1.0, 7.0), 0.4: (1.01, 5.0), 0.6: (1.04, 4.0), 1.0: (1.06, 1.0)},
    # The estimate is best in both.
    "extreme-low": {0.0: (1.0, 3.0), 0.2: (1.01, 4.0), 0.4: (1.2, 5.0), 0.6: (1.3, 6.0), 1.0: (1.4, 9.0)},
}
"""Deep distance and deep realism by preset and strength."""

SPREAD = {"dark": -1.0, "light": 1.0}
"""How far a photo's realism is from the mean."""


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


class FakeReference:
    """Looks the figures up."""

    def __init__(self, original):
        assert original.size == (512, 512)

    def measure(self, picture):
        preset, caption, strength = picture
        distance, realism = FIGURES[preset][strength]
        return {"psnr": 20 + strength, "deep_distance": distance, "deep_realism": realism + SPREAD[caption]}


@pytest.fixture
def photos():
    buffer = io.BytesIO()
    Image.new("RGB", (80, 64)).save(buffer, "PNG")
    return [Photo(buffer.getvalue(), (caption, "another caption"), "a") for caption in SPREAD]


@pytest.fixture
def pipeline(monkeypatch):
    monkeypatch.setattr(strength, "to_tensor", lambda picture: picture)
    monkeypatch.setattr(strength, "Reference", FakeReference)
    return FakePipeline()


@pytest.mark.parametrize(
    ("tolerance", "chosen"),
    [
        (0.05, {"ultra-low": 0.6, "low": 0.2, "extreme-low": 0.0}),
        (0.1, {"ultra-low": 0.6, "low": 1.0, "extreme-low": 0.0}),
        (0.02, {"ultra-low": 0.2, "low": 0.2, "extreme-low": 0.0}),
    ],
)
def test_the_highest_strength_that_is_near_and_looks_real_is_chosen(pipeline, photos, tmp_path, tolerance, chosen):
    sweep_strengths(pipeline, photos, [0.0, 0.2, 0.4, 0.6, 1.0], steps=3, tolerance=tolerance, folder=tmp_path)
    assert read_strengths(tmp_path) == chosen
    assert pipeline.steps == {3}


def test_the_whole_curve_is_kept_as_means_over_the_photos(pipeline, photos, tmp_path):
    sweep_strengths(pipeline, photos, [0.0, 1.0], steps=3, tolerance=0.05, folder=tmp_path / "new")
    with (tmp_path / "new" / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = ("strength", "psnr", "deep_distance", "deep_realism")
    assert [(row["preset"], *(float(row[name]) for name in columns)) for row in rows] == [
        (preset, at, 20 + at, *figures[at]) for preset, figures in FIGURES.items() for at in (0.0, 1.0)
    ]


def test_without_a_measurement_there_is_no_choice(tmp_path):
    assert read_strengths(tmp_path) is None
