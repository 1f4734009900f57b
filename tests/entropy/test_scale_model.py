"""The scale model: exact, told what is coarser and the caption, drawing finer maps."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.scale_model import ScaleDrawer, ScaleModel
from percov2_demo.errors import InputError
from tests.entropy.conftest import TINY_SCALES, digest, fill_with_integers


COARSER = {"ultra-low": np.arange(12).reshape(3, 4) * 21}
TOKENS = torch.tensor([[0, 1, 1, 1], [0, 7, 9, 1]])


def inputs(count: int = 2) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    known = torch.randint(256, (count, 12, 16), generator=generator)
    known = torch.where(torch.rand(known.shape, generator=generator) < 0.5, known, MASK)
    coarser = {
        "ultra-low": torch.randint(256, (count, 3, 4), generator=generator),
        "low": torch.randint(1024, (count, 6, 8), generator=generator),
    }
    return known, coarser, torch.randint(20, (count, 5), generator=generator)


def drawn(model, seed=0, guidance=1.0, temperature=1.0, tokens=TOKENS, steps=5):
    drawer = ScaleDrawer(model, tokens, guidance, temperature, seed)
    return list(drawer.draw("low", (6, 8), COARSER, steps))


@torch.inference_mode()
def test_logits_do_not_depend_on_how_they_are_computed(scale_model):
    known, coarser, tokens = inputs(4)
    logits = scale_model(known, "extreme-low", coarser, tokens)
    assert logits.shape == (4, 12, 16, 256)
    assert torch.equal(logits, logits.round())
    assert logits.std() > 5
    threads = torch.get_num_threads()
    try:
        for count in (1, 4):
            torch.set_num_threads(count)
            assert torch.equal(scale_model(known, "extreme-low", coarser, tokens), logits)
    finally:
        torch.set_num_threads(threads)
    one = {name: indices[2:3] for name, indices in coarser.items()}
    assert torch.equal(scale_model(known[2:3], "extreme-low", one, tokens[2:3])[0], logits[2])
    places = torch.tensor([3, 90])
    assert torch.equal(scale_model(known, "extreme-low", coarser, tokens, places), logits.flatten(1, 2)[:, places])


@torch.inference_mode()
def test_logits_are_those_of_other_machines():
    """Frozen: a seed paints the same on every machine."""
    model = ScaleModel(**TINY_SCALES)
    fill_with_integers(model)
    logits = model(*inputs()[:1], "extreme-low", *inputs()[1:])
    assert len(logits.unique()) > 200
    assert digest(logits) == "29bc1fd6ddbe9e98"


@torch.inference_mode()
def test_everything_that_is_told_matters(scale_model):
    known, coarser, tokens = inputs(1)
    logits = scale_model(known, "extreme-low", coarser, tokens)
    for name, indices in coarser.items():
        other = coarser | {name: (indices + 1) % 256}
        assert not torch.equal(scale_model(known, "extreme-low", other, tokens), logits)
    untold = scale_model(known, "extreme-low", {}, tokens)
    hidden = {name: torch.full_like(indices, MASK) for name, indices in coarser.items()}
    assert torch.equal(scale_model(known, "extreme-low", hidden, tokens), untold)
    assert not torch.equal(untold, logits)
    words = torch.tensor([[3, 4, 19, 19, 19]])
    assert not torch.equal(scale_model(known, "extreme-low", coarser, words), logits)


@torch.inference_mode()
def test_padding_does_not_count(scale_model):
    known, coarser, _ = inputs(1)
    short, long = torch.tensor([[5, 6]]), torch.tensor([[5, 6, 1, 1, 1]])
    args = known, "extreme-low", coarser
    assert torch.equal(scale_model(*args, short), scale_model(*args, long))
    nothing = torch.full((1, 5), 1)
    assert not torch.equal(scale_model(*args, nothing), scale_model(*args, long))


@torch.inference_mode()
def test_cells_of_a_coarse_cell_differ_by_their_place(scale_model):
    logits = scale_model(torch.full((1, 8, 8), MASK), "low", {"ultra-low": torch.zeros(1, 4, 4).long()}, TOKENS[:1])
    assert not torch.equal(logits[0, 4, 4], logits[0, 4, 5])


def test_the_coarsest_preset_is_not_drawn(scale_model):
    known, _, tokens = inputs(1)
    with pytest.raises(InputError, match="does not draw ultra-low: it draws low, extreme-low"):
        scale_model(known, "ultra-low", {}, tokens)
    with pytest.raises(InputError, match="does not draw high"):
        scale_model(known, "high", {}, tokens)


def test_a_map_is_drawn_group_by_group(scale_model):
    maps = drawn(scale_model)
    assert len(maps) == 5
    assert all(indices.shape == (6, 8) and indices.min() >= 0 and indices.max() < 1024 for indices in maps)
    # What is drawn stays, what is only expected may change.
    changes = [(before != after).sum() for before, after in pairwise(maps)]
    assert sum(changes) > 0
    assert np.array_equal(drawn(scale_model)[-1], maps[-1])
    assert not np.array_equal(drawn(scale_model, seed=1)[-1], maps[-1])


def test_at_temperature_0_chance_has_no_say(scale_model):
    assert np.array_equal(drawn(scale_model, 0, temperature=0)[-1], drawn(scale_model, 5, temperature=0)[-1])


def test_guidance_weighs_the_caption(scale_model):
    at = {guidance: drawn(scale_model, guidance=guidance)[-1] for guidance in (0.0, 1.0, 2.5)}
    assert np.array_equal(at[0.0], drawn(scale_model, tokens=TOKENS[[0, 0]])[-1])
    assert np.array_equal(at[1.0], drawn(scale_model, tokens=TOKENS[[1, 1]])[-1])
    assert not np.array_equal(at[2.5], at[1.0])
    # Both captions the same: there is nothing to weigh.
    assert np.array_equal(drawn(scale_model, guidance=2.5, tokens=TOKENS[[1, 1]])[-1], at[1.0])


def test_a_drawn_map_is_that_of_other_machines():
    model = ScaleModel(**TINY_SCALES)
    fill_with_integers(model)
    maps = drawn(model, temperature=0.5, guidance=1.5)
    assert digest(torch.from_numpy(maps[-1])) == "37b78a6ac3e49ff3"
