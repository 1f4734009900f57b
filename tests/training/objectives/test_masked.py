"""The masked model's objective."""

import numpy as np
import pytest
import torch

from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.schedules import schedule
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.masked import MaskedObjective, draw_known, start_from_codes
from tests.entropy.conftest import random_masked_model


SCHEDULES = [("quincunx", 5)]


class Oracle(torch.nn.Module):
    """Knows the hidden indices where the row is even, and gives all the same probability elsewhere."""

    def __init__(self, indices):
        super().__init__()
        self.indices = indices
        self.parameter = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def forward(self, known, preset):
        self.seen.append(known)
        logits = torch.zeros(*known.shape, 256)
        certain = 64 * 40.0 * torch.nn.functional.one_hot(self.indices, 256)
        return torch.where(torch.arange(known.shape[1])[:, None, None] % 2 == 0, certain, logits) + self.parameter


def test_loss_is_in_bits_of_hidden_indices():
    indices = torch.randint(256, (64, 8, 8), generator=torch.Generator().manual_seed(0))
    model = Oracle(indices)
    losses = MaskedObjective(model, {"low": 0.5}, SCHEDULES)(Draws(0, 0), low=indices)
    known = model.seen[0]
    hidden = known == MASK
    assert torch.equal(known[~hidden], indices[~hidden])
    odd = (hidden[:, 1::2].sum((1, 2)) / hidden.sum((1, 2))).mean()
    assert losses["low"].item() == pytest.approx(8 * odd.item(), rel=1e-5)
    assert losses["loss"].item() == pytest.approx(4 * odd.item(), rel=1e-5)


def test_known_parts_are_random_or_those_of_a_schedule():
    known = draw_known(SCHEDULES, 400, 8, 8, Draws(0, 0)).flatten(1)
    assert not known.all(1).any()
    # All that is known of a schedule before one of its groups, in the order of the groups.
    order = np.concatenate(schedule("quincunx", 8, 8))
    cumulative = np.concatenate([[0], np.cumsum([len(group) for group in schedule("quincunx", 8, 8)])])
    follows = known[:, order].int().diff(dim=1).amax(1) <= 0
    counts = known.sum(1)
    assert set(counts[follows].tolist()) >= set(cumulative[:-1].tolist())
    assert follows.float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert len(set(counts[~follows].tolist())) > 40
    # Half of the indices are coded in the last group, so its state is seen half of the time.
    assert (counts[follows] == 32).float().mean().item() == pytest.approx(0.5, abs=0.1)


def test_vectors_start_near_those_of_like_codes():
    model = random_masked_model()
    codes = torch.nn.functional.normalize(torch.randn(256, 32), dim=-1)
    codes[1] = codes[0]
    start_from_codes(model, {"ultra-low": codes})
    vectors = torch.nn.functional.normalize(model.symbols["ultra-low"].indices.matrix.real_weight, dim=-1)
    assert vectors[0] @ vectors[1] > (vectors[0] @ vectors[2:256].T).mean() + 0.2
