"""The joint objective, term by term."""

import pytest
import torch
from safetensors.torch import save_file

from percov2_demo.metrics.learned import LpipsNetwork
from percov2_demo.models.widening import widen_input
from percov2_demo.training.joint import JointObjective
from percov2_demo.training.perceptual import LatentLpips
from percov2_demo.training.samples import Draws
from tests.conftest import tiny_autoencoder_kl, tiny_hyper_codec, tiny_transformer


def build(decoder_width=0, **changes):
    torch.manual_seed(0)
    hyper_codec = tiny_hyper_codec(decoder_width)
    transformer = widen_input(tiny_transformer(condition_channels=0), hyper_codec.condition_channels)
    return JointObjective(transformer, hyper_codec, shift=3.0, **changes)


def batch(count=6):
    generator = torch.Generator().manual_seed(1)
    return {
        "latents": torch.randn(count, 16, 16, 16, generator=generator),
        "tokens": torch.randn(count, 5, 16, generator=generator),
        "pooled": torch.randn(count, 16, generator=generator),
        "draws": Draws(0, 0),
    }


def test_loss_is_the_velocitys_error():
    objective = build()
    objective.transformer.proj_out.weight.data.zero_()
    objective.transformer.proj_out.bias.data.zero_()
    losses = objective(**batch())
    # A velocity of zero is off by the noise and the latent, which are both of unit variance.
    assert losses["loss"].item() == losses["velocity"].item() == pytest.approx(2, rel=0.05)


def test_codec_and_transformer_learn_from_the_second_step_on():
    """In the first step the condition's weights are zero, and let no gradient through."""
    objective = build()
    optimizer = torch.optim.AdamW(objective.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        objective(**batch())["loss"].backward()
        optimizer.step()
    for encoder in objective.hyper_codec.encoders.values():
        assert encoder[0].weight.grad.abs().sum() > 0
    assert objective.transformer.pos_embed.proj.weight.grad[:, 16:].abs().sum() > 0


def test_codebooks_follow_unless_the_codec_is_frozen():
    for trains in (True, False):
        objective = build()
        objective.hyper_codec.requires_grad_(trains)
        objective = JointObjective(objective.transformer, objective.hyper_codec, shift=3.0)
        before = {name: part.codebook.clone() for name, part in objective.hyper_codec.quantizers.items()}
        objective(**batch())
        for name, part in objective.hyper_codec.quantizers.items():
            part.follow()
            assert part.codebook.equal(before[name]) is not trains


def test_noise_levels_are_shifted_as_the_sampler_shifts_them():
    objective = build()
    levels = objective.noise_levels(torch.zeros(4000, 1, 1, 1), Draws(0, 0))
    # The median of the logit is 0, so that of the level is 1/2, and 3/4 after a shift of 3.
    assert levels.median().item() == pytest.approx(0.75, abs=0.01)
    assert levels.min() > 0 and levels.max() < 1


def test_estimate_and_picture_are_further_terms(tmp_path, monkeypatch):
    save_file(LpipsNetwork().state_dict(), tmp_path / "lpips.safetensors")
    monkeypatch.setenv("PERCOV2_LPIPS", str(tmp_path / "lpips.safetensors"))
    perceptual = LatentLpips(tiny_autoencoder_kl().requires_grad_(False))
    objective = build(decoder_width=16, estimate_weight=0.5, perceptual=perceptual, perceptual_weight=0.25)
    losses = objective(**batch(3))
    expected = losses["velocity"] + 0.5 * losses["estimate"] + 0.25 * losses["perceptual"]
    assert losses["loss"].item() == pytest.approx(expected.item())
    losses["perceptual"].backward()
    assert objective.transformer.proj_out.weight.grad.abs().sum() > 0
    assert perceptual(batch()["latents"], batch()["latents"]).item() == pytest.approx(0, abs=1e-6)
