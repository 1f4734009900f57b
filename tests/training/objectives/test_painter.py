"""The painter in pixels: what is trained, what stays, and that the sampler's own path is the one that is followed."""

import pytest
import torch

from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.sampling.flow import FlowSampler
from percov2_demo.sampling.sampler import Start
from percov2_demo.sampling.settings import Sampling
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.flow import FlowObjective
from percov2_demo.training.objectives.painter import PainterObjective
from tests.conftest import tiny_pipeline


SHARES = dict.fromkeys(("estimate_share", "noise_share", "dropped_share", "led_share"), 0.0)
WEIGHTS = {"coarse_weight": 1.0, "fine_weight": 0.25, "grid_weight": 1.0, "latent_weight": 0.05} | {
    "led_weight": 2.0,
    "path_weight": 1.0,
}


def plain_distance(pictures, originals):
    return (pictures - originals).square().mean((1, 2, 3))


def make_objective(pipeline, deep=plain_distance, steps=(1, 2), **shares):
    flow = FlowObjective(pipeline.transformer, pipeline.text_encoder, pipeline.hyper_codec, "residual")
    return PainterObjective(flow, pipeline.vae, deep, **WEIGHTS, **(SHARES | shares), steps=steps)


def batch():
    pictures = torch.rand(3, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return {"pictures": pictures, "sources": pictures, "input_ids": torch.ones(3, 16, dtype=torch.long)}


DECODERS = ("autoencoder.decoder", "autoencoder.synthesis", "flow.hyper_codec.decoders")
PAINTER = ("flow.transformer", "flow.text_encoder")


def learning(objective, **wanted):
    """Return the names of parameters with gradients after one step."""
    torch.manual_seed(0)
    objective(**batch() | wanted, draws=Draws(0, 0))["loss"].backward()
    return {name for name, parameter in objective.named_parameters() if parameter.grad is not None}


def test_a_step_on_estimates_trains_what_decodes_and_another_the_painter():
    pipeline = tiny_pipeline()
    estimates = learning(make_objective(pipeline, estimate_share=1.0))
    presets = [f"flow.hyper_codec.decoders.{preset}" for preset in pipeline.presets]
    assert all(any(name.startswith(part) for name in estimates) for part in (*DECODERS, *presets))
    assert all(name.startswith(DECODERS) for name in estimates)

    mixed = make_objective(tiny_pipeline(), estimate_share=1e-9)
    paintings = learning(mixed)
    assert all(any(name.startswith(part) for name in paintings) for part in (*PAINTER, *DECODERS[:2]))
    # Pictures that captions change do not spoil what is told of those that are sent.
    assert all(name.startswith((*PAINTER, *DECODERS[:2])) for name in paintings)


def test_without_steps_on_estimates_what_decodes_stays():
    paintings = learning(make_objective(tiny_pipeline()))
    assert paintings and all(name.startswith(PAINTER) for name in paintings)


@pytest.mark.parametrize("estimate_share", [0.0, 1.0])
def test_both_kinds_of_steps_learn_in_half_precision(estimate_share):
    with torch.autocast("cpu", torch.bfloat16):
        assert learning(make_objective(tiny_pipeline(), estimate_share=estimate_share))


def test_the_losses_have_names():
    pipeline = tiny_pipeline()
    losses = make_objective(pipeline)(**batch(), draws=Draws(0, 0))
    assert set(losses) == {"loss", "coarse", "fine", "led", "grid", "latent", "path", *pipeline.presets}


def test_own_paths_are_those_of_the_sampler():
    pipeline = tiny_pipeline()
    pipeline.scheduler.register_to_config(shift=1.0)
    objective = make_objective(pipeline)
    sources = batch()["sources"]
    with torch.inference_mode():
        condition = objective.flow.condition(scaled_latents(pipeline.vae, sources))
        text = pipeline.encode_captions(["an old castle"])
        noise = torch.randn(3, 16, 16, 16, generator=torch.Generator().manual_seed(1))
        seen = []

        def report(step, sigma, tensors):
            seen.append(tensors["latents"])
            return tensors["latents"]

        sampler = FlowSampler(pipeline.transformer, pipeline.scheduler, "residual")
        both = type(text)(text.tokens.repeat(2, 1, 1), text.pooled.repeat(2, 1))
        settings = [Sampling(steps=4, guidance=1.0, seed=seed) for seed in range(3)]
        sampler.sample(Start(condition, both, 0.6, condition.estimate, (2, 2)), noise, settings, False, report)
        ids = pipeline.tokenizer(
            ["an old castle"] * 3, padding="max_length", max_length=16, truncation=True, return_tensors="pt"
        ).input_ids
        start = torch.full((3, 1, 1, 1), 0.6)
        followed = objective._followed(condition, noise, start, 4, 2, ids)
    torch.testing.assert_close(followed, seen[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("share", ["estimate_share", "dropped_share"])
def test_shares_take_the_estimate_or_leave_the_indices_out(share):
    pipeline = tiny_pipeline()
    shown, wanted = [], []

    def remember(pictures, originals):
        shown.append(pictures.detach())
        wanted.append(originals)
        return plain_distance(pictures, originals)

    objective = make_objective(pipeline, remember, **{share: 1.0})
    torch.nn.init.normal_(pipeline.transformer.proj_out.weight)
    for _ in range(2):
        torch.manual_seed(0)
        objective(**batch(), draws=Draws(0, 0))
        torch.nn.init.normal_(pipeline.transformer.proj_out.weight)
    # Without a transformer in the way, another transformer changes nothing.
    assert torch.equal(*shown) == (share == "estimate_share")
    other = batch() | {"sources": -batch()["sources"]}
    for sources in (batch(), other):
        torch.manual_seed(0)
        objective(**sources, draws=Draws(0, 0))
    # Without indices, it makes no difference what was sent.
    assert torch.equal(*shown[2:]) == (share == "dropped_share")
    # An estimate is held to what was sent, a painting to what its caption asks for.
    assert torch.equal(wanted[-1], other["sources" if share == "estimate_share" else "pictures"])


def test_a_share_of_estimates_is_led_to_the_photos_own_latents():
    pipeline = tiny_pipeline()
    objective = make_objective(pipeline, estimate_share=1.0, led_share=1.0)
    sources = batch()["sources"]
    estimated = objective._estimated(sources, Draws(0, 0))
    latents = scaled_latents(pipeline.vae, sources)
    estimate = objective.flow.condition(latents).estimate
    torch.testing.assert_close(estimated.latents, torch.lerp(estimate, latents, estimated.led))
    assert ((estimated.led > 0) & (estimated.led < 1)).all()
    with_them, without = objective(**batch(), draws=Draws(0, 0)), make_objective(pipeline, estimate_share=1.0)
    assert with_them["led"] > 0
    assert without(**batch(), draws=Draws(0, 0))["led"] == 0


def test_the_transformer_also_learns_the_photos_own_path():
    pipeline = tiny_pipeline()
    objective, estimates = make_objective(pipeline), make_objective(pipeline, estimate_share=1.0)
    assert objective(**batch(), draws=Draws(0, 0))["path"] > 0
    assert estimates(**batch(), draws=Draws(0, 0))["path"] == 0
