"""Widening a 16-channel checkpoint."""

import pytest
import torch

from percov2_demo.models.widening import widen_input
from tests.conftest import SD35, tiny_transformer


@pytest.mark.parametrize("profile", [{}, SD35], ids=["SD3", "SD3.5"])
@torch.inference_mode()
def test_widened_transformer_ignores_the_condition_until_trained(profile):
    torch.manual_seed(0)
    transformer = tiny_transformer(condition_channels=0, **profile)
    latents, condition = torch.randn(2, 16, 16, 24), torch.randn(2, 20, 16, 24)
    inputs = {
        "timestep": torch.tensor([500.0, 20.0]),
        "encoder_hidden_states": torch.randn(2, 7, 16),
        "pooled_projections": torch.randn(2, 16),
        "return_dict": False,
    }
    expected = transformer(hidden_states=latents, **inputs)[0]
    widened = widen_input(transformer, 20)
    assert (widened.config.in_channels, widened.config.out_channels) == (36, 16)
    assert torch.equal(widened(hidden_states=torch.cat([latents, condition], 1), **inputs)[0], expected)
    assert type(widened).from_config(widened.config).pos_embed.proj.weight.shape == (16, 36, 2, 2)


def test_the_added_weights_learn():
    torch.manual_seed(0)
    widened = widen_input(tiny_transformer(condition_channels=0), 20)
    output = widened(
        hidden_states=torch.randn(1, 36, 8, 8),
        timestep=torch.tensor([500.0]),
        encoder_hidden_states=torch.randn(1, 7, 16),
        pooled_projections=torch.randn(1, 16),
        return_dict=False,
    )[0]
    output.square().mean().backward()
    assert widened.pos_embed.proj.weight.grad[:, 16:].abs().sum() > 0
