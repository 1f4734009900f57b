"""Patch realism: a computation with loops, and the order of damages that it has to see."""

import statistics

import numpy as np
import pytest
import torch

from percov2_demo.errors import MetricError
from percov2_demo.metrics import patch_realism
from percov2_demo.metrics.realism import FLOOR, _directions
from tests.metrics.pictures import blurred, flat, jpeg2000, kodak, noisy, scene_tensor, texture


def reference(original: torch.Tensor, reconstruction: torch.Tensor) -> float:
    """The definition in NumPy, patch by patch, for pictures whose every patch counts."""

    def details(picture: torch.Tensor) -> list[np.ndarray]:
        rest, levels = picture.double().numpy(), []
        while len(levels) < 4 and min(rest.shape[1:]) >= 16:
            low = rest
            for axis in (1, 2):
                padding = [(0, 0)] * 3
                padding[axis] = (2, 2)
                padded, size = np.pad(low, padding, mode="reflect"), low.shape[axis]
                taps = zip((1, 4, 6, 4, 1), range(5), strict=True)
                low = sum(tap / 16 * np.take(padded, range(i, i + size), axis) for tap, i in taps)
            levels.append(rest - low)
            rest = low[:, ::2, ::2]
        return levels

    directions = _directions().double().numpy().reshape(-1, 3 * 7 * 7)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)

    def projections(level: np.ndarray) -> np.ndarray:
        rows, columns = (side - 6 for side in level.shape[1:])
        cut = [level[:, y : y + 7, x : x + 7].ravel() for y in range(rows) for x in range(columns)]
        return np.sort(directions @ np.array(cut).T, axis=1)

    ratios = []
    for first, second in zip(details(original), details(reconstruction), strict=True):
        expected, found = projections(first), projections(second)
        ratios.append(np.abs(expected - found).mean() / max(np.abs(expected).mean(), FLOOR))
    return float(np.mean(ratios))


@pytest.mark.parametrize("size", [(64, 64), (71, 90)])
def test_equals_the_definition(size):
    picture = texture(*size)
    for other in (blurred(picture, 1), noisy(picture, 20), texture(*size, seed=5)):
        assert patch_realism(picture, other) == pytest.approx(reference(picture, other), rel=1e-4)


@pytest.mark.parametrize("picture", [texture(), scene_tensor(512, 384)], ids=["texture", "scene"])
def test_equal_is_0_and_flat_is_1(picture):
    assert patch_realism(picture, picture) == 0
    assert patch_realism(picture, flat(picture)) == pytest.approx(1, abs=1e-4)
    assert patch_realism(picture, torch.zeros_like(picture)) == pytest.approx(1, abs=1e-4)


def test_order_of_damages():
    picture = texture(512, 512)
    larger = texture(536, 536, seed=3)
    shifted = patch_realism(larger[:, :512, :512], larger[:, 13:525, 11:523])
    values = [shifted, *(patch_realism(picture, blurred(picture, sigma)) for sigma in (1, 2, 4)), 1]
    assert values == sorted(values)
    assert shifted < 0.05 < values[1]


def test_another_picture_of_the_same_texture_is_near_and_a_distortion_metric_does_not_see_it():
    assert patch_realism(texture(512, 512, seed=1), texture(512, 512, seed=2)) < 0.1


def test_noise_has_no_upper_bound():
    picture = blurred(texture(), 1)
    weak, strong = (patch_realism(picture, noisy(picture, sigma)) for sigma in (10, 60))
    assert weak < strong
    assert strong > 1


def test_flat_original():
    grey = torch.full((3, 64, 64), 0.4)
    assert patch_realism(grey, grey) == 0
    assert patch_realism(grey, torch.full((3, 64, 64), 0.7)) == pytest.approx(0, abs=1e-3)
    # What rounding to 8 bits leaves is about as much as the scale has at the finest level, and less below.
    assert patch_realism(grey, (noisy(grey, 1) * 255).round() / 255) < 2
    assert 5 < patch_realism(grey, noisy(grey, 20)) < 1000


def test_result_does_not_depend_on_threads_or_on_the_random_state():
    picture, other = texture(), noisy(texture(), 20)
    torch.manual_seed(1)
    first = patch_realism(picture, other)
    torch.manual_seed(2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert patch_realism(picture, other) == pytest.approx(first, rel=1e-5)
    finally:
        torch.set_num_threads(threads)


def test_bad_pictures_are_refused():
    with pytest.raises(MetricError, match="at least 64"):
        patch_realism(torch.rand(3, 63, 100), torch.rand(3, 63, 100))
    with pytest.raises(MetricError, match="one size"):
        patch_realism(torch.rand(3, 64, 100), torch.rand(3, 64, 101))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ranking_on_kodak():
    damages = {
        "original": lambda picture: picture,
        "shifted": lambda picture: picture.roll((8, 8), (1, 2)),
        "blur 1": lambda picture: blurred(picture, 1),
        "blur 2": lambda picture: blurred(picture, 2),
        "blur 4": lambda picture: blurred(picture, 4),
        "noise 10": lambda picture: noisy(picture, 10),
        "noise 25": lambda picture: noisy(picture, 25),
        "jpeg 2000": lambda picture: jpeg2000(picture, 983),
        "flat": flat,
    }
    pictures = kodak()
    mean = {
        name: statistics.fmean(patch_realism(picture, damage(picture)) for picture in pictures)
        for name, damage in damages.items()
    }
    print(*(f"{name:10} {value:.3f}" for name, value in mean.items()), sep="\n")  # noqa: T201
    assert mean["original"] == 0
    assert mean["flat"] == pytest.approx(1, abs=1e-4)
    assert 0 < mean["shifted"] < 0.05
    assert 3 * mean["shifted"] < mean["blur 1"] < mean["blur 2"] < mean["blur 4"] < 0.8
    assert mean["blur 2"] < mean["jpeg 2000"] < 0.8
    assert mean["shifted"] < mean["noise 10"] < mean["noise 25"]
