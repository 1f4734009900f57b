"""The table of metrics, and all that come with the package at once."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from percov2_demo.errors import MetricError
from percov2_demo.metrics import (
    METRICS,
    Reference,
    colour_shift,
    deep_distance,
    deep_realism,
    measure,
    ms_ssim,
    psnr,
    to_tensor,
)
from tests.metrics.pictures import noisy, texture


def test_table_names_every_metric_and_cannot_be_changed():
    assert list(METRICS) == [
        *("psnr", "ms_ssim", "lpips", "deep_distance", "deep_realism"),
        *("colour_shift", "clip_score", "clip_similarity"),
    ]
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.label
        assert metric.source
    assert {name for name, metric in METRICS.items() if metric.better == "lower"} == {
        "lpips",
        "deep_distance",
        "deep_realism",
        "colour_shift",
    }
    with pytest.raises(dataclasses.FrozenInstanceError):
        METRICS["psnr"].unit = "bit"


def test_measure_gives_each_metric():
    first, second = texture(), noisy(texture(), 10)
    assert measure(first, second) == {
        "psnr": psnr(first, second),
        "ms_ssim": ms_ssim(first, second),
        "deep_distance": deep_distance(first, second),
        "deep_realism": deep_realism(second),
        "colour_shift": colour_shift(first, second),
    }
    assert set(measure(first, second)) <= set(METRICS)


def test_a_reference_measures_as_each_pair_does():
    picture = texture()
    reference = Reference(picture)
    for other in (noisy(picture, 10), noisy(picture, 20)):
        assert reference.measure(other) == measure(picture, other)
        assert reference.deep_distance(other) == measure(picture, other)["deep_distance"]


def test_measure_leaves_out_what_a_small_picture_has_not():
    assert measure(torch.rand(3, 160, 200), torch.rand(3, 160, 200))["ms_ssim"] is None
    small = measure(torch.rand(3, 40, 200), torch.rand(3, 40, 200))
    assert small["ms_ssim"] is None
    assert small["deep_distance"] is None
    assert small["deep_realism"] is None
    assert small["psnr"] > 0


def test_measure_refuses_unequal_sizes():
    with pytest.raises(MetricError, match="give pictures of one size"):
        measure(torch.rand(3, 64, 64), torch.rand(3, 64, 65))


def test_to_tensor_is_the_picture():
    pixels = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
    tensor = to_tensor(Image.fromarray(pixels))
    assert tensor.shape == (3, 2, 4)
    assert torch.equal((tensor * 255).round().permute(1, 2, 0), torch.from_numpy(pixels).float())
