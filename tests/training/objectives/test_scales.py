"""The scale model's objective: what it is told of, and what it is asked for."""

import pytest
import torch

from percov2_demo.entropy.masked_model import MASK
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.scales import ScalesObjective


PRESETS = ("ultra-low", "low", "extreme-low")
COUNT = 96


class Oracle(torch.nn.Module):
    """Knows all indices, and remembers what it was told."""

    def __init__(self, maps):
        super().__init__()
        self.symbols = dict.fromkeys(PRESETS)
        self.maps, self.told = maps, {}

    def forward(self, known, preset, coarser, tokens):
        self.told[preset] = known, coarser
        target = self.maps[f"picture.{preset}"]
        return 64 * 40.0 * torch.nn.functional.one_hot(target, 1024)


@pytest.fixture(scope="module")
def maps():
    generator = torch.Generator().manual_seed(0)
    sides = dict(zip(PRESETS, (2, 4, 8), strict=True))
    return {
        f"{kind}.{preset}": torch.randint(256, (COUNT, side, side), generator=generator) + 256 * (kind == "source")
        for kind in ("source", "picture")
        for preset, side in sides.items()
    }


@pytest.fixture(scope="module")
def oracle(maps):
    model = Oracle(maps)
    losses = ScalesObjective(model, steps=5, dropped_share=0.2)(Draws(0, 0), torch.zeros(COUNT, 4).long(), **maps)
    assert losses["loss"].item() == pytest.approx(0, abs=1e-6)
    assert set(losses) == {"loss", "low", "extreme-low"}
    return model


def test_hidden_indices_of_the_picture_are_asked_for(oracle, maps):
    known, _ = oracle.told["extreme-low"]
    hidden = known == MASK
    assert hidden.flatten(1).any(1).all()
    assert torch.equal(known[~hidden], maps["picture.extreme-low"][~hidden])


def test_what_is_sent_is_of_the_source_and_what_was_drawn_of_the_picture(oracle, maps):
    _, coarser = oracle.told["extreme-low"]
    kinds = {}
    for preset, indices in coarser.items():
        told = indices.flatten(1)
        is_hidden = (told == MASK).all(1)
        is_source = (indices == maps[f"source.{preset}"]).flatten(1).all(1)
        is_picture = (indices == maps[f"picture.{preset}"]).flatten(1).all(1)
        assert (is_hidden | is_source | is_picture).all()
        kinds[preset] = torch.where(is_hidden, 0, torch.where(is_source, 1, 2))
    pairs = set(zip(kinds["ultra-low"].tolist(), kinds["low"].tolist(), strict=True))
    # The coarsest was sent and the next drawn, or that one was sent; or what was sent is hidden.
    assert pairs == {(1, 2), (0, 1), (0, 2), (0, 0)}
    assert torch.tensor([kind == 0 for kind in kinds["low"].tolist()]).float().mean() == pytest.approx(0.1, abs=0.07)


def test_the_next_preset_knows_only_the_coarsest(oracle, maps):
    _, coarser = oracle.told["low"]
    assert set(coarser) == {"ultra-low"}
    is_hidden = (coarser["ultra-low"] == MASK).flatten(1).all(1)
    assert is_hidden.float().mean().item() == pytest.approx(0.2, abs=0.1)
    assert torch.equal(coarser["ultra-low"][~is_hidden], maps["source.ultra-low"][~is_hidden])


def test_bits_are_those_of_hidden_indices(maps):
    class Uniform(Oracle):
        def forward(self, known, preset, coarser, tokens):
            return torch.zeros(*known.shape, 512)

    losses = ScalesObjective(Uniform(maps), 5, 0.0)(Draws(0, 0), torch.zeros(COUNT, 4).long(), **maps)
    assert losses["low"].item() == losses["extreme-low"].item() == pytest.approx(9.0)
    assert losses["loss"].item() == pytest.approx(18.0)
