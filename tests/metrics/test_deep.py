"""Deep distance and deep realism by their definitions."""

import pytest
import torch

from percov2_demo.errors import MetricError
from percov2_demo.metrics import Reference, deep_distance, deep_realism, set_realism
from percov2_demo.metrics.efficientnet_lite import load_efficientnet_lite
from percov2_demo.metrics.photo_statistics import load_photo_statistics
from tests.metrics.pictures import blurred, noisy, texture


def test_distance_is_the_formula():
    first, second = texture(144, 160), noisy(texture(144, 160), 20)
    network = load_efficientnet_lite(2, (1, 2, 3, 5, 7))
    total = 0.0
    for a, b in zip(*(network(2 * picture[None] - 1) for picture in (first, second)), strict=True):
        a, b = (features / features.square().sum(1, keepdim=True).sqrt() for features in (a, b))
        total += float((a - b).square().sum(1).mean()) / 5
    assert deep_distance(first, second) == pytest.approx(total, rel=1e-4)
    assert deep_distance(second, first) == pytest.approx(total, rel=1e-4)
    assert deep_distance(first, first) == 0


def test_realism_is_the_distance_of_mean_features_and_of_the_picture_alone():
    picture = texture(144, 160)
    features = load_efficientnet_lite(2, (2, 3, 4, 5))(2 * picture[None] - 1)
    means = torch.cat([stage.mean((2, 3))[0] for stage in features])
    realism = deep_realism(picture)
    assert realism == pytest.approx(load_photo_statistics().distance(means), rel=1e-4)
    assert Reference(noisy(picture, 9)).measure(picture)["deep_realism"] == realism
    assert Reference(picture).realism == realism


def test_a_set_is_its_pictures_together():
    pictures = [texture(128, 160, seed=seed) for seed in range(3)]
    network = load_efficientnet_lite(2, (2, 3, 4, 5))
    means = [torch.cat([stage.mean((2, 3))[0] for stage in network(2 * p[None] - 1)]) for p in pictures]
    expected = load_photo_statistics().set_distance(torch.stack(means))
    assert set_realism(pictures) == pytest.approx(expected, rel=1e-4)
    assert set_realism(iter([*pictures, torch.rand(3, 64, 64)])) == pytest.approx(expected, rel=1e-4)
    assert set_realism(pictures[:1]) is None


def test_position_counts_for_distance_alone():
    larger = texture(264, 264)
    picture, shifted = larger[:, :256, :256], larger[:, 8:, 8:]
    assert deep_distance(picture, shifted) > 0.3
    assert deep_realism(shifted) == pytest.approx(deep_realism(picture), rel=0.1)


def test_more_blur_is_further():
    picture = texture(256, 256)
    distances = [deep_distance(picture, blurred(picture, sigma)) for sigma in (1, 2, 4)]
    assert 0 < distances[0] < distances[1] < distances[2] < 4


def test_result_does_not_depend_on_threads():
    picture, other = texture(), noisy(texture(), 20)
    first, threads = Reference(picture).measure(other), torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert Reference(picture).measure(other) == pytest.approx(first, rel=1e-4)
    finally:
        torch.set_num_threads(threads)


def test_bad_pictures_are_refused():
    small, large = torch.rand(3, 127, 200), torch.rand(3, 128, 200)
    for refused in (lambda: deep_realism(small), lambda: deep_distance(small, small)):
        with pytest.raises(MetricError, match="at least 128"):
            refused()
    with pytest.raises(MetricError, match="one size"):
        deep_distance(large, small)
    with pytest.raises(ValueError, match="shape"):
        deep_realism(large[None])
