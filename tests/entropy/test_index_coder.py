"""Maps of indices as bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.entropy.coder import EntropyError
from percov2_demo.entropy.index_coder import IndexCoder
from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.schedules import SCHEDULES, schedule
from percov2_demo.presets import PRESETS, get_preset
from tests.entropy.conftest import frozen, random_masked_model


CODER = IndexCoder(frozen(random_masked_model()))


def random_indices(grid: tuple[int, int], preset: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(get_preset(preset).codebook_size, size=grid)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("preset", PRESETS)
def test_round_trip_at_the_promised_size(preset, name):
    indices = random_indices((7, 9), preset)
    code = CODER.encode(indices, preset, name, 5)
    assert np.array_equal(CODER.decode(code, (7, 9), preset, name, 5), indices)
    information = CODER.information(indices, preset, name, 5)
    assert information.shape == (7, 9)
    assert abs(len(code) - information.sum() / 8) <= 1 + 0.005 * len(code)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.sampled_from(SCHEDULES), st.integers(0, 99))
def test_round_trip_of_any_grid(rows, columns, steps, name, seed):
    indices = random_indices((rows, columns), "ultra-low", seed)
    code = CODER.encode(indices, "ultra-low", name, steps)
    assert np.array_equal(CODER.decode(code, (rows, columns), "ultra-low", name, steps), indices)


def test_an_index_is_predicted_from_earlier_groups_alone():
    groups = schedule("quincunx", 8, 8)
    indices = random_indices((8, 8), "ultra-low")
    changed = indices.copy()
    changed.flat[groups[3]] = (indices.flat[groups[3]] + 1) % 256
    before = CODER.information(indices, "ultra-low", "quincunx")
    after = CODER.information(changed, "ultra-low", "quincunx")
    for group in groups[:3]:
        assert np.array_equal(before.flat[group], after.flat[group])
    assert not np.array_equal(before.flat[groups[4]], after.flat[groups[4]])


def test_weights_are_those_of_the_positions_asked_for():
    known = np.full((4, 4), MASK)
    known[1, 2] = 7
    everywhere = CODER.weights(known, "low", np.arange(16))
    assert everywhere.shape == (16, 1024)
    assert np.array_equal(CODER.weights(known, "low", np.array([3, 9])), everywhere[[3, 9]])


@given(st.binary(max_size=60))
@settings(max_examples=30, deadline=None)
def test_any_bytes_decode_or_are_refused(data):
    try:
        indices = CODER.decode(data, (4, 4), "ultra-low", "qlds", 5)
    except EntropyError:
        return
    assert indices.min() >= 0 and indices.max() < 256
