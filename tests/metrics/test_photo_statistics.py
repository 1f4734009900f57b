"""Statistics of photos: distances by their definition, on numbers that any network could have given."""

import numpy as np
import pytest
import torch

from percov2_demo.errors import MetricError
from percov2_demo.metrics import photo_statistics
from percov2_demo.metrics.photo_statistics import (
    PHOTO_STATISTICS,
    SHRINKAGE,
    PhotoStatistics,
    load_photo_statistics,
)


def correlated(count: int, seed: int = 0) -> torch.Tensor:
    """Vectors `(count, 5)` of one distribution with correlated entries."""
    mixing = torch.randn(5, 5, generator=torch.Generator().manual_seed(9))
    return 3 + torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)) @ mixing


def test_distance_is_the_formula():
    means = correlated(200)
    statistics = PhotoStatistics.of(means)
    values = means.double().numpy()
    mean, deviation = values.mean(0), values.std(0, ddof=1)
    correlation = np.corrcoef(values.T)
    inverse = np.linalg.inv((1 - SHRINKAGE) * correlation + SHRINKAGE * np.eye(5))

    def squared(vector: np.ndarray) -> float:
        offset = (vector - mean) / deviation
        return offset @ inverse @ offset

    average = np.mean([squared(vector) for vector in values])
    for vector in correlated(3, seed=1):
        expected = squared(vector.double().numpy()) / average
        assert statistics.distance(vector) == pytest.approx(expected, rel=0.01)


def test_photos_are_at_1_and_a_set_of_them_at_0():
    statistics = PhotoStatistics.of(correlated(5000))
    others = correlated(2000, seed=1)
    assert np.mean([statistics.distance(vector) for vector in others]) == pytest.approx(1, abs=0.05)
    assert statistics.set_distance(others) == pytest.approx(0, abs=0.005)


def test_a_small_set_is_judged_without_bias():
    statistics = PhotoStatistics.of(correlated(5000))
    pairs = correlated(4000, seed=1).view(-1, 2, 5)
    shifted = pairs + statistics.deviation.float()
    assert np.mean([statistics.set_distance(pair) for pair in pairs]) == pytest.approx(0, abs=0.05)
    far = statistics.set_distance(shifted.flatten(0, 1))
    assert far > 0.1
    assert np.mean([statistics.set_distance(pair) for pair in shifted]) == pytest.approx(far, rel=0.1)


def test_what_is_saved_is_read(tmp_path):
    statistics = PhotoStatistics.of(correlated(200))
    statistics.save(tmp_path / "new" / "photos.safetensors")
    read = PhotoStatistics.load(tmp_path / "new" / "photos.safetensors")
    vector = correlated(1, seed=1)[0]
    assert read.distance(vector) == pytest.approx(statistics.distance(vector), rel=1e-2)
    assert torch.equal(read.correlation, read.correlation.T)


def test_the_repositorys_file_is_small_and_sound():
    assert PHOTO_STATISTICS.stat().st_size < 100_000
    statistics = load_photo_statistics()
    assert statistics.mean.shape == (280,)
    assert (statistics.deviation > 0).all()
    assert torch.linalg.eigvalsh(statistics.correlation).min() > -0.01
    assert statistics.distance(statistics.mean) == 0


def test_a_missing_file_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_statistics, "PHOTO_STATISTICS", tmp_path / "none")
    with pytest.raises(MetricError, match="is missing"):
        load_photo_statistics.__wrapped__()
