"""Sender and receiver walk the same way, and it leads to the latent."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from percov2_demo.refinement import Allocation, follow, refine


SHAPE = (1, 16, 24, 16)
"""Of a dimension that is no power of two."""

PRIOR = torch.linspace(1.5, 0.3, 16)[:, None, None]
"""Deviation of the latent's channels, known to the painter."""


def wiener(first: Tensor):
    """The painter that is perfect for a latent of independent normal elements around a first prediction."""

    def expect(noisy: Tensor, sigma: float) -> Tensor:
        signal, noise = ((1 - sigma) * PRIOR) ** 2, sigma**2
        return first + (noisy - (1 - sigma) * first) * (1 - sigma) * PRIOR**2 / (signal + noise)

    return expect


@pytest.fixture
def latent() -> Tensor:
    return PRIOR * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))


def errors(latent: Tensor, budget: int) -> list[float]:
    first = torch.zeros(SHAPE)
    steps = refine(latent, first, wiener(first), Allocation(first.numel(), budget))
    return [float((latent - expected).square().mean()) for _, expected in steps]


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 500), st.integers(0, 6))
def test_the_receiver_expects_what_the_sender_saw(budget, kept):
    latent = PRIOR * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    first = torch.zeros(SHAPE)
    allocation = Allocation(first.numel(), budget)
    blocks, seen = zip(*refine(latent, first, wiener(first), allocation), strict=True)
    received = list(follow(blocks[:kept], first, wiener(first), allocation))
    assert len(received) == min(kept, len(blocks))
    assert all(map(torch.equal, received, seen))


def test_every_block_brings_the_picture_nearer(latent):
    progress = errors(latent, 800)
    assert progress == sorted(progress, reverse=True)
    assert progress[-1] < 0.8 * float(latent.square().mean())


def test_more_atoms_bring_it_nearer_still(latent):
    assert errors(latent, 1500)[-1] < errors(latent, 400)[-1] < errors(latent, 100)[-1] < errors(latent, 20)[-1]


def test_damage_costs_detail_not_the_picture(latent):
    """A block with a flipped bit is noise like any other to the painter."""
    first = torch.zeros(SHAPE)
    allocation = Allocation(first.numel(), 800)
    blocks = [block for block, _ in refine(latent, first, wiener(first), allocation)]
    *_, whole = follow(blocks, first, wiener(first), allocation)
    flipped = blocks[1][:50] + bytes([blocks[1][50] ^ 4]) + blocks[1][51:]
    *_, damaged = follow([blocks[0], flipped, *blocks[2:]], first, wiener(first), allocation)
    intact = float((latent - whole).square().mean())
    assert intact < float((latent - damaged).square().mean()) < 1.1 * float(latent.square().mean())
