"""Integer layers against int64 arithmetic, and the exponentials against the real ones."""

import math

import numpy as np
import pytest
import torch

from percov2_demo.entropy.integer_layers import (
    FeedForward,
    IntegerEmbedding,
    IntegerLinear,
    IntegerNorm,
    exponentials,
    freeze,
    make_trainable,
    to_activations,
)
from percov2_demo.errors import ModelError


def trainable(layer: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    make_trainable(layer)
    return layer


def frozen(layer: torch.nn.Module) -> torch.nn.Module:
    freeze(trainable(layer))
    return layer


def activations(*shape: int) -> torch.Tensor:
    return torch.randint(-255, 256, shape, generator=torch.Generator().manual_seed(1)).float()


def test_linear_is_the_integer_product_scaled():
    layer = frozen(IntegerLinear(512, 40))
    layer.matrix.offset.random_(-(2**20), 2**20)
    x = activations(7, 512)
    exact = x.long() @ layer.matrix.weight.long().T + layer.matrix.offset
    factor = layer.matrix.scale.numpy().astype(np.float32) / np.float32(2**30) * np.float32(8)
    assert np.array_equal(layer(x, 256).numpy(), exact.numpy().astype(np.float32) * factor)


def test_largest_sums_are_exact():
    """All weights and activations at their limits; one more unit in a sum would still be seen."""
    layer = frozen(IntegerLinear(512, 2))
    layer.matrix.weight.fill_(127)
    layer.matrix.scale.fill_(2**30)
    x = torch.full((1, 512), 255.0)
    x[0, 0] = 254
    assert layer(x, 32)[0, 0].item() == 127 * (255 * 512 - 1) < 2**24


def test_layers_that_might_be_inexact_are_refused():
    layer = trainable(IntegerLinear(512, 2))
    torch.nn.init.ones_(layer.matrix.real_weight)
    torch.nn.init.constant_(layer.matrix.real_offset, 1e6)
    with pytest.raises(ModelError, match="might not be exact"):
        freeze(layer)


def test_norm_divides_by_the_mean_magnitude():
    layer = frozen(IntegerNorm(32))
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(2)).mul(1000).round()
    normalised = x / x.abs().mean(-1, keepdim=True)
    assert torch.equal(layer(x), (32 * normalised.double()).round().clamp(-255, 255).float())
    assert torch.equal(layer(3 * x), layer(x))
    assert not layer(torch.zeros(1, 32)).any()


def test_norm_of_huge_values_is_exact():
    layer = frozen(IntegerNorm(256))
    x = torch.full((1, 256), 1e9)
    x[0, :128] *= -1
    assert torch.equal(layer(x), 32 * x.sign())


def test_embedding_and_its_logits_share_the_vectors():
    layer = frozen(IntegerEmbedding(20, 64))
    real = layer.matrix.weight * (layer.matrix.scale / 2**30)[:, None]
    assert torch.equal(layer(torch.arange(20)), (256 * real).round())
    x = activations(3, 64)
    torch.testing.assert_close(layer.logits(x), (64 * (x / 32) @ real.T / 8).round(), atol=1, rtol=0)


def test_frozen_layer_computes_what_the_trained_one_did():
    layer = trainable(FeedForward(24, 48, 0.5))
    x = 3 * activations(50, 24)
    trained = layer(x).detach()
    freeze(layer)
    assert (layer(x) != trained).float().mean() < 0.01
    assert not list(layer.parameters())
    assert {buffer.dtype for buffer in layer.buffers()} <= {torch.int8, torch.int32}


def test_gradients_are_those_of_the_smooth_layer():
    layer = trainable(IntegerLinear(32, 8))
    x = activations(6, 32).requires_grad_()
    target = torch.randn(6, 8)
    (layer(x, 32) * target).sum().backward()
    weight = layer.matrix.real_weight
    smooth = torch.autograd.grad((torch.nn.functional.linear(x, weight) * target).sum(), (x, weight))
    torch.testing.assert_close(x.grad, smooth[0], atol=0.05, rtol=0.05)
    torch.testing.assert_close(weight.grad, smooth[1], atol=1e-3, rtol=1e-3)


def test_activations_are_clipped_with_their_gradients():
    x = torch.tensor([-300.0, -1.5, 0.4, 2.5, 254.4, 300.0], requires_grad=True)
    y = to_activations(x)
    y.sum().backward()
    assert y.tolist() == [-255, -2, 0, 2, 254, 255]
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0]
    assert to_activations(x, low=0).tolist() == [0, 0, 0, 2, 254, 255]


@pytest.mark.parametrize("bits", [12, 32])
def test_exponentials(bits):
    table = exponentials(bits)
    assert table[0] == 2**bits and table[-1] == 0 and table[-2] > 0
    assert (np.diff(table) <= 0).all()
    exact = [2**bits * math.exp(-i / 64) for i in range(len(table))]
    assert np.abs(table - exact).max() <= 0.5 + 1e-5
