"""Convolutions with 8-bit weights."""

import pytest
import torch
from torch import nn

from percov2_demo import HyperCodec
from percov2_demo.models.quantized import QuantizedConv2d, quantize_convolutions, restore_convolutions
from tests.conftest import MODEL_PRESETS, tiny_hyper_codec


def convolution(stride: int = 1) -> nn.Conv2d:
    """Channels of very different sizes: three that use all 8 bits, one of tiny weights, one of zeros."""
    torch.manual_seed(0)
    layer = nn.Conv2d(6, 5, 5, stride=stride, padding=2)
    with torch.no_grad():
        layer.weight.mul_(torch.tensor([1.0, 100.0, 0.2, 0.001, 0.0])[:, None, None, None])
    return layer


def trained_codec() -> HyperCodec:
    """A tiny codec whose residual blocks do something."""
    torch.manual_seed(0)
    codec = tiny_hyper_codec()
    for parameter in codec.decoders.parameters():
        nn.init.normal_(parameter, std=0.1)
    return codec


def quantized_codec() -> HyperCodec:
    codec = trained_codec()
    codec.quantize_weights()
    return codec


def test_weights_are_off_by_half_a_step_at_most():
    layer = convolution()
    quantized = QuantizedConv2d(layer)
    step = layer.weight.detach().abs().amax((1, 2, 3), keepdim=True) / 127
    step = step.clamp(min=torch.finfo(torch.float16).tiny)
    error = (quantized.weight * quantized.scale - layer.weight).abs()
    assert (error <= 0.501 * step).all()
    assert quantized.weight.dtype == torch.int8
    assert quantized.weight[:3].abs().amax((1, 2, 3)).tolist() == [127, 127, 127]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_largest_weight_is_127_steps_whatever_its_precision(dtype):
    """A quotient in bfloat16 could be 128, which 8 bits do not hold."""
    layer = nn.Conv2d(1, 128, 1).to(dtype)
    with torch.no_grad():
        layer.weight.copy_(1 + torch.arange(128)[:, None, None, None] / 128)
    quantized = QuantizedConv2d(layer)
    assert quantized.scale.dtype == dtype
    assert (quantized.weight == 127).all()


def test_restored_convolutions_do_the_same_and_can_be_trained():
    network = nn.Sequential(convolution(stride=2))
    quantize_convolutions(network)
    quantized = network[0]
    restore_convolutions(network)
    assert type(network[0]) is nn.Conv2d
    x = torch.randn(2, 6, 16, 16)
    torch.testing.assert_close(network(x), quantized(x))
    network(x).sum().backward()
    assert network[0].weight.grad.abs().sum() > 0
    quantize_convolutions(network)
    assert torch.equal(network[0].weight, quantized.weight)


def test_only_the_decoders_of_a_quantized_codec_can_be_trained_again():
    codec = quantized_codec()
    before = {name: value.clone() for name, value in codec.state_dict().items()}
    codec.train_decoders()
    learning = {name for name, parameter in codec.named_parameters() if parameter.requires_grad}
    assert learning and all(name.startswith("decoders.") for name in learning)
    codec.quantize_weights()
    assert all(torch.equal(value, before[name]) for name, value in codec.state_dict().items())


@torch.inference_mode()
def test_a_channel_of_zeros_is_its_bias():
    layer = convolution()
    output = QuantizedConv2d(layer)(torch.randn(2, 6, 9, 7))
    assert torch.equal(output[:, 4], layer.bias[4].expand(2, 9, 7))


@pytest.mark.parametrize("stride", [1, 2])
@torch.inference_mode()
def test_output_is_that_of_the_convolution_but_for_rounding(stride):
    layer = convolution(stride)
    x = torch.randn(2, 6, 9, 7)
    expected, output = layer(x), QuantizedConv2d(layer)(x)
    assert output.shape == expected.shape
    error = (output - expected).std((0, 2, 3)) / expected.std((0, 2, 3))
    assert (error[:3] > 0).all()
    assert (error[:3] < 0.01).all()


def test_every_convolution_is_replaced_once():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 5, 3, stride=2), nn.ReLU()))
    names = list(dict(network.named_modules()))
    quantize_convolutions(network)
    kinds = (QuantizedConv2d, nn.ReLU, nn.Sequential, QuantizedConv2d, nn.ReLU)
    modules = dict(network.named_modules())
    assert list(modules) == names
    assert tuple(map(type, list(modules.values())[1:])) == kinds
    first = network[0]
    quantize_convolutions(network)
    assert network[0] is first


@pytest.mark.parametrize("preset", MODEL_PRESETS)
@torch.inference_mode()
def test_codec_with_integer_weights_is_close(preset):
    real, integer = trained_codec(), quantized_codec()
    latents = torch.randn(4, 16, 64, 64)
    indices = real.encode(latents, preset)
    assert (integer.encode(latents, preset) == indices).float().mean() > 0.9
    expected, estimate = (codec.decode(indices, preset).estimate for codec in (real, integer))
    assert 0 < (estimate - expected).std() < 0.02 * expected.std()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("low_cpu_mem_usage", [True, False])
def test_a_saved_codec_is_the_same_to_the_bit(tmp_path, dtype, low_cpu_mem_usage):
    codec = quantized_codec().to(dtype)
    codec.save_pretrained(tmp_path)
    loaded = HyperCodec.from_pretrained(tmp_path, torch_dtype=dtype, low_cpu_mem_usage=low_cpu_mem_usage)
    assert loaded.config.integer_weights
    state = loaded.state_dict()
    assert list(state) == list(codec.state_dict())
    for name, value in codec.state_dict().items():
        assert state[name].dtype == value.dtype, name
        assert torch.equal(state[name], value), name


def test_half_precision_leaves_weights_and_scales_as_they_are():
    codec = quantized_codec()
    state = {name: value.clone() for name, value in codec.state_dict().items()}
    assert codec.dtype == torch.float32
    codec.half()
    assert codec.dtype == torch.float16
    half = codec.state_dict()
    integers = [name for name, value in state.items() if value.dtype == torch.int8]
    assert len(integers) == sum(name.endswith(".scale") for name in state) > 0
    for name in integers:
        scale = name.replace("weight", "scale")
        assert half[name].dtype == torch.int8
        assert torch.equal(half[name], state[name])
        assert torch.equal(half[scale].float(), state[scale])


def test_weights_are_quantized_once():
    codec = quantized_codec()
    state = {name: value.clone() for name, value in codec.state_dict().items()}
    codec.quantize_weights()
    assert list(codec.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in codec.state_dict().items())


def test_a_model_that_is_being_loaded_has_shapes_alone():
    with torch.device("meta"):
        empty = QuantizedConv2d(nn.Conv2d(6, 5, 3, dtype=torch.float16))
    real = QuantizedConv2d(nn.Conv2d(6, 5, 3, dtype=torch.float16))
    assert empty.weight.is_meta
    for name, value in real.state_dict().items():
        assert (empty.state_dict()[name].shape, empty.state_dict()[name].dtype) == (value.shape, value.dtype)
