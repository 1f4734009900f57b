"""Photos of a training step, in an order that the seed decides."""

import numpy as np
import pytest

from percov2_demo.training.data.photos import BalancedSampler, random_crop


def test_order_depends_on_seed_and_step_alone():
    sampler, again = (BalancedSampler(["a"] * 50, seed=3) for _ in range(2))
    for step in (5, 0):
        assert np.array_equal(sampler.draw(step, 20)[0], again.draw(step, 20)[0])
    assert not np.array_equal(sampler.draw(0, 20)[0], sampler.draw(1, 20)[0])
    assert not np.array_equal(sampler.draw(0, 20)[0], BalancedSampler(["a"] * 50, seed=4).draw(0, 20)[0])


def test_small_sources_are_seen_more_often_than_their_share():
    sampler = BalancedSampler(["big"] * 900 + ["small"] * 100, seed=0)
    numbers, _ = sampler.draw(0, 20_000)
    assert np.mean(numbers >= 900) == pytest.approx(10 / 40, abs=0.02)


@pytest.mark.parametrize("size", [(40, 200), (64, 64), (30, 20)])
def test_crops_have_the_size_asked_for(size):
    pixels = np.random.default_rng(0).integers(256, size=(*size, 3), dtype=np.uint8)
    assert random_crop(pixels, 64, np.random.default_rng(1)).shape == (64, 64, 3)
