"""The joint objective, term by term."""

from copy import deepcopy

import pytest
import torch
from safetensors.torch import save_file

from percov2_demo.metrics.learned import LpipsNetwork
from percov2_demo.models.widening import widen_input
from percov2_demo.training.data.determinism import Draws, Share
from percov2_demo.training.objectives.joint import JointObjective
from percov2_demo.training.objectives.perceptual import LatentLpips
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


@pytest.fixture
def lpips_weights(tmp_path, monkeypatch):
    save_file(LpipsNetwork().state_dict(), tmp_path / "lpips.safetensors")
    monkeypatch.setenv("PERCOV2_LPIPS", str(tmp_path / "lpips.safetensors"))


def test_estimate_and_picture_are_further_terms(lpips_weights):
    perceptual = LatentLpips(tiny_autoencoder_kl().requires_grad_(False))
    objective = build(decoder_width=16, estimate_weight=0.5, perceptual=perceptual, perceptual_weight=0.25)
    losses = objective(**batch(3))
    expected = losses["velocity"] + 0.5 * losses["estimate"] + 0.25 * losses["perceptual"]
    assert losses["loss"].item() == pytest.approx(expected.item())
    losses["perceptual"].backward()
    assert objective.transformer.proj_out.weight.grad.abs().sum() > 0
    assert perceptual(batch()["latents"], batch()["latents"]).tolist() == pytest.approx([0] * 6, abs=1e-6)


def distance(expected, latents):
    """A distance that takes no autoencoder."""
    return (expected - latents).square().mean((1, 2, 3))


@pytest.mark.parametrize("pictures", [1, 2, 3, 8])
def test_the_same_pictures_are_judged_however_the_batch_is_shared_out(pictures):
    """The first of each preset, of which some shares may have none."""
    whole, judged = batch(12), []

    def judge(expected, latents):
        judged.extend(latents.flatten(1)[:, 0].tolist())
        return distance(expected, latents)

    objective = build(perceptual=judge, perceptual_weight=0.5, perceptual_pictures=pictures)
    objective.transformer.eval()
    expected = objective(**whole)["perceptual"].item()
    of_all = judged.copy()
    judged.clear()
    firsts = whole["latents"].unflatten(0, (3, 4))[:, :pictures].flatten(0, 1)
    assert of_all == firsts.flatten(1)[:, 0].tolist()
    losses = []
    for share in (Share(0, 2), Share(1, 2)):
        part = {name: share.take(whole[name], 3) for name in ("latents", "tokens", "pooled")}
        losses.append(objective(**part, draws=Draws(0, 0, share))["perceptual"].item())
    assert sum(losses) / 2 == pytest.approx(expected, rel=1e-4)
    assert sorted(judged) == sorted(of_all)


def saved_bytes(perceptual, latents):
    """Bytes that the backward pass of a distance has to have kept, beside the weights."""
    weights = [*perceptual.vae.parameters(), *perceptual.network.parameters()]
    places, kept = {weight.untyped_storage().data_ptr() for weight in weights}, {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        perceptual(latents.requires_grad_(), latents.detach().roll(1, 0)).sum().backward()
    return sum(tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in places)


def test_the_decoders_blocks_are_computed_again(lpips_weights):
    perceptual = LatentLpips(tiny_autoencoder_kl().requires_grad_(False))
    latents = torch.randn(2, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    again, first = saved_bytes(perceptual, latents), latents.grad.clone()
    perceptual.vae.disable_gradient_checkpointing()
    latents.grad = None
    assert again < saved_bytes(perceptual, latents) / 2
    torch.testing.assert_close(latents.grad, first)


def test_a_copy_of_the_objective_shares_the_judge(lpips_weights):
    objective = build(perceptual=LatentLpips(tiny_autoencoder_kl()), perceptual_weight=0.5)
    copy = deepcopy(objective)
    assert copy.perceptual is objective.perceptual
    assert copy.transformer is not objective.transformer
