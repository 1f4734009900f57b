"""Streams recoded, read, explained and repaired, by models with entropy models and without."""

import numpy as np
import pytest

from percov2_demo.bitstream import SCHEDULES, Withheld
from percov2_demo.entropy.index_coder import IndexCoder
from percov2_demo.entropy.schedules import schedule
from percov2_demo.errors import InputError, StreamError
from percov2_demo.presets import PRESETS
from tests.conftest import tiny_pipeline
from tests.pipelines.test_percov2 import sd3_pipeline


def test_streams_are_recoded_without_loss(pipeline, scene):
    stream = pipeline.compress(scene, "low", "a white fence with a lighthouse behind it", entropy="qlds")
    for entropy in SCHEDULES:
        recoded = pipeline.recode(stream, entropy=entropy)
        assert (recoded.entropy, recoded.version) == (entropy, 2)
        assert pipeline.read(recoded.to_bytes()) == recoded
        assert np.array_equal(recoded.indices, stream.indices)
        assert recoded.caption == stream.caption
    packed = pipeline.recode(stream, "zlib")
    assert (packed.version, packed.caption_coding) == (1, "zlib")
    assert pipeline.recode(packed, entropy="qlds") == stream


def test_bytes_of_a_caption_are_told_without_a_picture(pipeline, scene):
    stream = pipeline.compress(scene, caption="an old castle")
    assert pipeline.caption_bytes("an old castle") == stream.part_sizes.caption
    without = sd3_pipeline()
    stream = without.compress(scene, caption="an old castle")
    assert without.caption_bytes("an old castle") == stream.part_sizes.caption


def test_the_default_coding_is_the_shortest(pipeline, scene):
    stream = pipeline.compress(scene, "ultra-low", "a cat on a mat")
    sizes = [len(pipeline.recode(stream, entropy=entropy).to_bytes()) for entropy in ("quincunx", "uniform")]
    sizes.append(len(pipeline.recode(stream, "deflate").to_bytes()))
    assert len(stream.to_bytes()) == min(sizes)


def test_groups_that_are_withheld_are_drawn_and_change_the_picture(pipeline, scene):
    whole = pipeline.compress(scene, "ultra-low", "a cat", entropy="quincunx")
    stream = pipeline.compress(scene, "ultra-low", "a cat", entropy="quincunx", withheld=Withheld(3, seed=4))
    groups = schedule("quincunx", 8, 8)
    kept, drawn = np.concatenate(groups[:3]), np.concatenate(groups[3:])
    assert np.array_equal(stream.indices.flat[kept], whole.indices.flat[kept])
    assert not np.array_equal(stream.indices.flat[drawn], whole.indices.flat[drawn])
    assert len(stream.to_bytes()) < len(whole.to_bytes())
    assert np.array_equal(pipeline.read(stream.to_bytes()).indices, stream.indices)


def test_lost_indices_are_filled_in(pipeline, scene):
    stream = pipeline.compress(scene, "low", "a cat")
    concealed = pipeline.conceal(stream, [0, 100, 255], seed=1)
    changed = np.flatnonzero(concealed.indices != stream.indices)
    assert set(changed) <= {0, 100, 255}
    assert concealed == pipeline.conceal(stream, [0, 100, 255], seed=1)
    assert pipeline.decompress(concealed, strength=0).size == (512, 512)
    with pytest.raises(InputError, match="not entropy coded"):
        pipeline.trace(concealed)


def test_a_trace_follows_the_streams_own_coding(pipeline, scene):
    stream = pipeline.compress(scene, caption="an old castle", entropy="qlds", entropy_steps=7)
    traces = pipeline.trace(stream)
    spent = np.zeros(64)
    for step in traces:
        spent[step.positions] = step.spent
    assert len(traces) == 7
    assert np.array_equal(spent.reshape(8, 8), pipeline.information(stream))
    assert traces[-1].payload_bytes == len(stream.payload.data)


def test_a_machine_that_computes_otherwise_gets_uniform_streams(scene, monkeypatch):
    pipeline = tiny_pipeline()
    calls = []

    def unsteady(self, known, preset, group):
        calls.append(1)
        return np.tile(np.arange(PRESETS[preset].codebook_size) * len(calls), (len(group), 1))

    monkeypatch.setattr(IndexCoder, "logits", unsteady)
    stream = pipeline.compress(scene, "low", "a cat", entropy="qlds")
    assert (stream.entropy, stream.version) == ("uniform", 1)


def test_a_model_without_entropy_models_says_what_it_cannot_do(scene):
    pipeline = sd3_pipeline()
    assert pipeline.compress(scene).version == 1
    with pytest.raises(InputError, match="no entropy models to code the indices with"):
        pipeline.compress(scene, entropy="qlds")
    with pytest.raises(InputError, match="no entropy models to fill in"):
        pipeline.conceal(pipeline.compress(scene), [1])
    with pytest.raises(InputError, match="not entropy coded"):
        pipeline.trace(pipeline.compress(scene))
    with pytest.raises(StreamError, match="the model it was made with"):
        pipeline.read(tiny_pipeline().compress(scene, entropy="qlds").to_bytes())
