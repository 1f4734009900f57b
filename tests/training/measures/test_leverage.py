"""What captions are worth, on models that are known to use them or not."""

import csv
import math

import pytest
import torch
from PIL import Image

from percov2_demo.entropy.masked_model import MASK
from percov2_demo.sampling.settings import PAINTING_STRENGTH
from percov2_demo.training.measures.leverage import (
    CONTRAST,
    measure_caption_change,
    measure_leverage,
    measure_scale_leverage,
)
from percov2_demo.training.objectives.flow import FlowObjective
from tests.conftest import tiny_pipeline


PHOTOS = 20
"""More than are measured at once."""


class Flow(FlowObjective):
    """Expects the latent and an error of 1, and of 1 and a photo's own where the token is not the photo's number."""

    def __init__(self, errors):
        parts = tiny_pipeline()
        super().__init__(parts.transformer, parts.text_encoder, parts.hyper_codec, "residual")
        self.errors = errors

    def expected(self, noisy, sigma, condition, input_ids):
        numbers = torch.arange(PHOTOS)[:, None, None, None]
        clean = latents()
        # Which photos these are: those whose noise is what is left of the noisy latents.
        found = [int((noise_left(noisy[i], clean, sigma[i])).argmin()) for i in range(len(noisy))]
        wrong = (input_ids[:, :1, None, None] != numbers[found]).float()
        return clean[found] + 1 + self.errors[found, None, None, None] * wrong

    def weight(self, sigma):
        return torch.ones_like(sigma)


def latents():
    """One constant for each photo, far from all others."""
    return 100.0 * torch.arange(PHOTOS)[:, None, None, None].expand(-1, 16, 32, 32).float()


def noise_left(noisy, clean, sigma):
    return (noisy - (1 - sigma) * clean).abs().mean((1, 2, 3))


def measure(errors, folder):
    tokens = torch.arange(PHOTOS)[:, None].repeat(1, 4)
    measure_leverage(Flow(errors), latents(), tokens, torch.full((1, 4), PHOTOS), folder)
    with (folder / "leverage.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_flow_that_reads_captions_is_worse_without_the_right_ones(tmp_path):
    rows = measure(torch.full((PHOTOS,), 0.5), tmp_path)
    assert [row["preset"] for row in rows] == ["ultra-low", "low", "extreme-low"]
    for row in rows:
        assert float(row["right_caption"]) == pytest.approx(1, abs=1e-4)
        for name in ("wrong", "empty"):
            assert float(row[f"{name}_caption"]) == pytest.approx(1.5**2, abs=1e-3)
            assert float(row[f"{name}_is_worse_percent"]) == pytest.approx(125, abs=0.1)
            assert float(row[f"{name}_standard_error"]) == pytest.approx(0, abs=0.02)


def test_the_error_is_that_of_a_mean_over_photos(tmp_path):
    """Every other photo is worse by 125 %: the mean is half of it, the error that over the root of N - 1."""
    for row in measure(0.5 * (torch.arange(PHOTOS) % 2), tmp_path):
        assert float(row["wrong_is_worse_percent"]) == pytest.approx(62.5, abs=0.1)
        assert float(row["wrong_standard_error"]) == pytest.approx(62.5 / math.sqrt(PHOTOS - 1), abs=0.1)


def test_a_flow_that_ignores_captions_is_no_worse(tmp_path):
    for row in measure(torch.zeros(PHOTOS), tmp_path):
        assert row["right_caption"] == row["wrong_caption"] == row["empty_caption"]
        assert row["wrong_is_worse_percent"] == row["empty_standard_error"] == "0.00"


GREYS = {CONTRAST[0]: 20, CONTRAST[1]: 30, None: 60}


class CaptionReader(torch.nn.Module):
    """Gives the index that the caption names 15 bits more than any other."""

    def forward(self, hidden, preset, coarser, tokens):
        assert (hidden == MASK).all()
        named = torch.nn.functional.one_hot(tokens[:, 0], 1024).float()
        return (64 * 15 * math.log(2) * named)[:, None, None].expand(*hidden.shape, -1)


def test_indices_that_captions_name_cost_more_without_the_right_one(tmp_path, monkeypatch):
    codec = tiny_pipeline().hyper_codec
    numbers = torch.tensor([3, 8])
    monkeypatch.setattr(codec, "encode", lambda latents, preset: numbers[:, None, None].expand(-1, 2, 2))
    nothing = torch.zeros(1, 1).long()
    measure_scale_leverage(CaptionReader(), codec, torch.zeros(2, 16, 8, 8), numbers[:, None], nothing, tmp_path)
    with (tmp_path / "scales.csv").open() as file:
        rows = list(csv.DictReader(file))
    pairs = [("ultra-low", "low"), ("ultra-low", "extreme-low"), ("low", "extreme-low")]
    assert [(row["sent"], row["drawn"]) for row in rows] == pairs
    for row in rows:
        right = float(row["bits"])
        assert right == pytest.approx(math.log2(1 + 1023 * 2**-15), abs=1e-3)
        for name in ("wrong", "empty"):
            assert float(row[f"{name}_is_worse_percent"]) == pytest.approx(100 * 15 / right, rel=0.01)


class FakePipeline:
    """Paints a grey that depends on the preset, the caption and whether anything is painted at all."""

    presets = ("ultra-low", "low")

    def default_strength(self, preset):
        return 0.5 if preset == "low" else 0.0

    def compress(self, image, preset):
        return preset, image.getpixel((0, 0))[0]

    def decompress(self, stream, strength=None, caption=None):
        preset, photo = stream
        assert strength == (0.0 if caption is None else 0.5 if preset == "low" else PAINTING_STRENGTH)
        grey = GREYS[caption] * (1 if preset == "low" else 2) * photo
        return Image.new("RGB", (8, 8), (grey, grey, grey))


def test_caption_change_is_that_between_two_captions(tmp_path):
    pictures = [Image.new("RGB", (64, 64), (photo, 0, 0)) for photo in (1, 2)]
    measure_caption_change(FakePipeline(), pictures, tmp_path / "new")
    with (tmp_path / "new" / "caption-change.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"preset": "ultra-low", "pictures": "2", "caption_change": "30.00", "painting_change": "120.00"},
        {"preset": "low", "pictures": "2", "caption_change": "15.00", "painting_change": "60.00"},
    ]
