"""Set metrics against Fréchet distance and discrepancies computed by hand on the same features."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from percov2_demo.errors import MetricError
from percov2_demo.metrics import Clip, cmmd, patches, set_metrics
from tests.conftest import tiny_tokenizer
from tests.metrics.pictures import blurred, texture
from tests.metrics.test_learned import tiny_clip_model


class TinyInception(nn.Module):
    """Six random features of a picture of any size."""

    num_features = 6

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(6, 3, 5, 5, generator=generator), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(nn.functional.conv2d(x, self.weight, stride=4)).mean((2, 3))


@pytest.fixture(scope="module")
def sets() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    originals = [texture(160, 192, seed=seed) for seed in range(6)]
    return originals, [blurred(picture, 2) for picture in originals]


def features(pictures: torch.Tensor) -> np.ndarray:
    return TinyInception()(pictures).double().numpy()


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """The trace of the root of a product is the sum of the roots of its eigenvalues."""
    first, second = np.cov(x.T), np.cov(y.T)
    roots = np.sqrt(np.linalg.eigvals(first @ second).astype(complex)).real.sum()
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * roots)


def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared discrepancy under the cubic kernel."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (a @ b / len(a) + 1) ** 3

    n = len(x)
    within = sum(kernel(s[i], s[j]) for s in (x, y) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return within - 2 * sum(kernel(a, b) for a in x for b in y) / n**2


def test_patches_tile_the_picture():
    picture = torch.arange(3 * 5 * 7).float().reshape(3, 5, 7)
    cut = patches(picture, side=2)
    assert cut.shape == (2 * 3, 3, 2, 2)
    assert torch.equal(cut[4], picture[:, 2:4, 2:4])
    assert len(patches(picture, side=2, stride=1)) == 4 * 6
    shifted = patches(picture, side=2, shifted=True)
    assert len(shifted) == 6 + 2 * 3
    assert torch.equal(shifted[6], picture[:, 1:3, 1:3])


def test_patches_of_the_protocols():
    picture = torch.zeros(3, 512, 768)
    assert len(patches(picture)) == 96
    assert len(patches(picture, side=256, shifted=True)) == 2 * 3 + 1 * 2
    assert len(patches(torch.zeros(3, 64, 64), shifted=True)) == 1
    with pytest.raises(MetricError, match="64 pixels do not fit into a picture of 80x50"):
        patches(torch.zeros(3, 50, 80))


def test_patch_metrics_equal_their_formulas(sets):
    result = set_metrics(*sets, patch_side=32, inception=TinyInception())
    cut = [torch.cat([patches(picture, 32) for picture in pictures]) for pictures in sets]
    first, second = map(features, cut)
    assert result["samples"] == len(first) == 6 * 5 * 6
    assert result["fid"] == pytest.approx(frechet(first, second), rel=1e-3)
    assert result["kid"] == pytest.approx(kernel_distance(first, second), rel=1e-3)
    assert result["fid"] > 0
    assert result["cmmd"] is None


def test_metrics_of_whole_pictures_equal_their_formulas(sets):
    result = set_metrics(*sets, patch_side=None, inception=TinyInception())
    first, second = (features(torch.stack(pictures)) for pictures in sets)
    assert result["samples"] == 6
    assert result["fid"] == pytest.approx(frechet(first, second), rel=1e-2, abs=1e-5)
    assert result["kid"] == pytest.approx(kernel_distance(first, second), rel=1e-2, abs=1e-5)


def test_equal_sets_are_at_0_and_the_random_state_stays(sets):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    result = set_metrics(sets[0], sets[0], inception=TinyInception())
    assert result["fid"] == pytest.approx(0, abs=1e-5)
    assert torch.equal(torch.rand(1), expected)


def test_cmmd_equals_its_double_sum():
    generator = torch.Generator().manual_seed(0)
    first = torch.nn.functional.normalize(torch.randn(7, 5, generator=generator), dim=1)
    second = torch.nn.functional.normalize(torch.randn(9, 5, generator=generator) + 1, dim=1)

    def mean(x: torch.Tensor, y: torch.Tensor) -> float:
        return np.mean([np.exp(-float(((a - b).double() ** 2).sum()) / 200) for a in x for b in y])

    expected = 1000 * (mean(first, first) + mean(second, second) - 2 * mean(first, second))
    assert cmmd(first, second) == pytest.approx(expected, rel=1e-4)
    assert cmmd(first, first) == pytest.approx(0, abs=1e-9)


def test_set_metrics_embed_with_clip(sets):
    clip = Clip(tiny_clip_model(), tiny_tokenizer())
    embeddings = [torch.stack([clip.embed_picture(picture) for picture in pictures]) for pictures in sets]
    result = set_metrics(*sets, inception=TinyInception(), clip=clip)
    assert result["cmmd"] == pytest.approx(cmmd(*embeddings))
    assert result["cmmd"] > 0


def test_iterators_are_taken_and_bad_sets_refused(sets):
    originals, reconstructions = sets
    result = set_metrics(iter(originals), iter(reconstructions), inception=TinyInception())
    assert result["samples"] == 6 * 6
    with pytest.raises(MetricError, match="numbers of originals and reconstructions differ"):
        set_metrics(originals, reconstructions[:5], inception=TinyInception())
    with pytest.raises(MetricError, match="one size"):
        set_metrics(originals[:1], [texture(64, 64)], inception=TinyInception())
    for few in ([], [texture(64, 64)]):
        with pytest.raises(MetricError, match="no distribution"):
            set_metrics(few, few, inception=TinyInception())


def test_missing_libraries_are_named(sets, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.fid", None)
    with pytest.raises(MetricError, match="FID and KID unavailable: install torchmetrics and torch-fidelity"):
        set_metrics(*sets)
