"""What is predicted and spent while a map is coded."""

import numpy as np
import pytest

from percov2_demo.bitstream import Bitstream
from percov2_demo.entropy.coder import encode, entropy
from percov2_demo.entropy.index_coder import IndexCoder, UniformIndexCoder
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.entropy.schedules import SCHEDULES, schedule
from percov2_demo.entropy.trace import trace


INDICES = np.random.default_rng(3).integers(256, size=(8, 8))


@pytest.fixture
def coder(masked_model):
    return IndexCoder(masked_model)


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_tells_what_the_coder_does(coder, name):
    groups = schedule(name, 8, 8, 5)
    traces = trace(coder, INDICES, "ultra-low", groups)
    spent = coder.information(INDICES, "ultra-low", groups)
    runs = coder.runs(INDICES, "ultra-low", groups)
    assert len(traces) == len(groups)
    for count, (step, group) in enumerate(zip(traces, groups, strict=True), start=1):
        assert np.array_equal(step.positions, group)
        assert np.array_equal(step.spent, spent.flat[group])
        assert step.payload_bytes == len(encode(runs[:count]))


def test_what_is_known_is_expected_no_more(coder):
    known = np.zeros((8, 8), bool)
    for step in trace(coder, INDICES, "ultra-low", schedule("quincunx", 8, 8)):
        assert np.array_equal(np.isnan(step.expected), known)
        assert np.all(step.expected[~known] > 0) and np.all(step.expected[~known] <= 8)
        known.flat[step.positions] = True
    assert known.all()


def test_what_is_expected_depends_on_what_is_known(coder):
    changed = INDICES.copy()
    changed[0, 0] = (INDICES[0, 0] + 1) % 256
    groups = schedule("quincunx", 8, 8)
    first, second = (trace(coder, indices, "ultra-low", groups) for indices in (INDICES, changed))
    assert np.array_equal(first[0].expected, second[0].expected)
    assert not np.array_equal(first[1].expected, second[1].expected, equal_nan=True)


def test_without_a_model_all_is_equally_likely():
    (step,) = trace(UniformIndexCoder(), INDICES, "ultra-low", schedule("uniform", 8, 8))
    assert np.allclose(step.expected, 8)
    assert np.allclose(step.spent, 8)


def test_entropy():
    weights = np.array([[1.0, 1, 1, 1], [5, 0, 0, 0], [2, 1, 1, 0]])
    assert entropy(weights) == pytest.approx([2, 0, 1.5])


def test_a_stream_ends_with_its_own_bytes(caption_model, masked_model):
    coder = EntropyCoder(caption_model, masked_model)
    whole = Bitstream(
        width=512, height=512, preset="ultra-low", model=7, caption="an old castle by the sea", indices=INDICES
    )
    stream = coder.recode(whole, "qlds", 5)
    sizes = [step.payload_bytes for step in coder.trace(stream)]
    assert sizes == sorted(sizes)
    assert stream.payload.caption_bytes <= sizes[0]
    assert sizes[-1] == len(stream.payload.data)
