"""Captions that act: what learns, what stays, and that it is the caption that changes the picture."""

import pytest
import torch

from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.edits import EMBEDDING_DEVIATION, LISTENING, EditObjective, widen_embeddings
from percov2_demo.training.objectives.flow import FlowObjective
from tests.conftest import tiny_pipeline


SETTINGS = {"coarse_weight": 8.0, "path_weight": 0.5, "noise_share": 0.3, "led_share": 0.35}


def make_objective(pipeline, **settings):
    flow = FlowObjective(pipeline.transformer, pipeline.text_encoder, pipeline.hyper_codec, "residual")
    return EditObjective(flow, pipeline.vae, **(SETTINGS | settings))


@pytest.fixture
def pipeline():
    pipeline = tiny_pipeline()
    torch.nn.init.normal_(pipeline.transformer.proj_out.weight, std=0.02)
    return pipeline


def batch(darker=1.0):
    generator = torch.Generator().manual_seed(0)
    sources = torch.rand(3, 3, 64, 64, generator=generator) * 2 - 1
    ids = torch.randint(5, 50, (3, 16), generator=generator)
    return {"pictures": (sources + 1) * darker - 1, "sources": sources, "input_ids": ids}


def test_only_what_listens_learns(pipeline):
    objective = make_objective(pipeline)
    objective(**batch(0.2), draws=Draws(0, 0))["loss"].backward()
    learning = {name for name, parameter in objective.named_parameters() if parameter.grad is not None}
    there = {name for name, _ in pipeline.transformer.named_parameters() if any(part in name for part in LISTENING)}
    assert there == {name.removeprefix("flow.transformer.") for name in learning if "transformer" in name}
    assert all(name.startswith(("flow.transformer", "flow.text_encoder")) for name in learning)
    assert any(name.startswith("flow.text_encoder") for name in learning)


def test_what_the_caption_names_is_wanted_and_not_what_is_sent(pipeline):
    objective = make_objective(pipeline, path_weight=0.0, led_share=0.0)
    plain, dark = (objective(**batch(darker), draws=Draws(0, 0))["coarse"] for darker in (1.0, 0.2))
    assert dark > 2 * plain
    assert objective(**batch(), draws=Draws(0, 0))["path"] == 0


def test_it_learns_in_half_precision(pipeline):
    objective = make_objective(pipeline)
    with torch.autocast("cpu", torch.bfloat16):
        objective(**batch(0.2), draws=Draws(0, 0))["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in objective.parameters())


def test_a_caption_learns_to_darken(pipeline):
    widen_embeddings(pipeline.text_encoder)
    objective = make_objective(pipeline, led_share=0.0)
    optimizer = torch.optim.Adam([p for p in objective.parameters() if p.requires_grad], 3e-3)
    dark, plain = batch(0.2), batch()
    plain["input_ids"] = plain["input_ids"].flip(1)

    def loss():
        return sum(objective(**part, draws=Draws(0, 0))["loss"] for part in (dark, plain))

    before = loss().item()
    for _ in range(12):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.9 * before
    with torch.no_grad():
        swapped = dark | {"input_ids": plain["input_ids"]}
        assert objective(**swapped, draws=Draws(0, 0))["coarse"] > objective(**dark, draws=Draws(0, 0))["coarse"]


def test_embeddings_are_widened(pipeline):
    widen_embeddings(pipeline.text_encoder)
    embeddings = pipeline.text_encoder.text_model.embeddings
    assert embeddings.token_embedding.weight.std().item() == pytest.approx(EMBEDDING_DEVIATION, rel=0.1)
    assert embeddings.position_embedding.weight.std().item() == pytest.approx(EMBEDDING_DEVIATION / 5, rel=0.2)
