"""The adversarial objective: what learns from which loss."""

import pytest
import torch

from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.adversarial import AdversarialObjective, LatentDiscriminator
from percov2_demo.training.objectives.flow import FlowObjective
from tests.conftest import tiny_pipeline


@pytest.fixture
def objective():
    torch.manual_seed(0)
    parts = tiny_pipeline()
    flow = FlowObjective(parts.transformer, parts.text_encoder, parts.hyper_codec, "residual")
    return AdversarialObjective(flow, LatentDiscriminator(width=8), realism=1.0, ramp=4, strengths=(0.2, 0.9))


def batch():
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(3, 16, 32, 32, generator=generator)
    input_ids = torch.randint(3, 50, (3, 6), generator=generator)
    return {"latents": latents, "sources": latents, "input_ids": input_ids, "draws": Draws(2, 0)}


def test_discriminator_scores_at_two_scales():
    fine, coarse = LatentDiscriminator(width=8)(torch.randn(2, 16, 32, 40), torch.randn(2, 16, 32, 40))
    assert fine.shape == (2, 1, 32, 40)
    assert coarse.shape == (2, 1, 16, 20)


def test_both_sides_learn(objective):
    losses = objective(**batch())
    losses["loss"].backward()
    for part in (objective.flow.transformer, objective.flow.text_encoder, objective.discriminator):
        assert any(parameter.grad is not None and parameter.grad.any() for parameter in part.parameters())
    assert all(parameter.grad is None for parameter in objective.flow.hyper_codec.parameters())
    assert all(torch.isfinite(value) for value in losses.values())


def test_transformer_is_no_judge_of_itself(objective):
    """The discriminator's gradient is that of telling apart alone, however strong the adversary's term is."""

    def gradient(realism):
        objective.realism = realism
        objective.zero_grad()
        objective(**batch())["loss"].backward()
        return objective.discriminator.fine_score.weight.grad.clone()

    objective.discriminator.eval()
    torch.testing.assert_close(gradient(0.0), gradient(100.0))


def test_adversary_comes_in_slowly(objective):
    """Its pull at the transformer's output grows over the ramp, then stays."""
    objective.discriminator.eval()
    pulls = []
    for _ in range(6):
        losses = objective(**batch())
        pulls.append((losses["loss"] - losses["fidelity"] - losses["discrimination"]).item())
    first, *_, before, last = pulls
    assert objective.steps == 6
    assert first != 0
    assert before == pytest.approx(last)
    assert last == pytest.approx(4 * first, rel=1e-4)
