"""All presets of a model in one component."""

import pytest
import torch

from percov2_demo.presets import PRESETS
from tests.conftest import MODEL_PRESETS, tiny_hyper_codec


@pytest.mark.parametrize("preset", MODEL_PRESETS)
@pytest.mark.parametrize("decoder_width", [0, 16])
@torch.inference_mode()
def test_indices_and_condition_shapes(preset, decoder_width):
    codec = tiny_hyper_codec(decoder_width)
    latents = torch.randn(2, 16, 16, 40)
    indices = codec.encode(latents, preset)
    assert indices.shape == (2, *PRESETS[preset].grid(320, 128))
    assert 0 <= indices.min() <= indices.max() < PRESETS[preset].codebook_size
    condition = codec.decode(indices, preset)
    assert condition.channels.shape == (2, codec.condition_channels, 16, 40)
    if decoder_width:
        assert torch.equal(condition.channels[:, :16], condition.estimate)
    else:
        assert condition.estimate is None


@torch.inference_mode()
def test_without_hyper_decoder_z_hat_is_repeated():
    codec = tiny_hyper_codec(decoder_width=0)
    indices = torch.randint(256, (1, 2, 3))
    channels = codec.decode(indices, "ultra-low").channels
    z_hat = codec.quantizers["ultra-low"].decode(indices)
    assert torch.equal(channels, z_hat.repeat_interleave(8, 2).repeat_interleave(8, 3))


@pytest.mark.parametrize("preset", MODEL_PRESETS)
def test_training_reaches_encoder_and_decoder(preset):
    codec = tiny_hyper_codec().train()
    condition, _ = codec(torch.randn(1, 16, 16, 16), preset)
    condition.channels.square().mean().backward()
    for part in (codec.encoders[preset], codec.quantizers[preset], codec.decoders[preset]):
        assert any(parameter.grad is not None and parameter.grad.any() for parameter in part.parameters())
