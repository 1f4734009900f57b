"""The painter that draws finer indices, on whole files."""

import copy

import numpy as np
import pytest
import torch

from percov2_demo import PerCoV2Pipeline
from percov2_demo.errors import InputError
from percov2_demo.sampling.hold import low_frequencies
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import SCALES, Sampling
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


@pytest.fixture(scope="module")
def codec():
    return tiny_pipeline(draws_scales=True)


@pytest.fixture(scope="module")
def stream(codec):
    return codec.compress(draw_scene(192, 128), "ultra-low", "an old castle")


def paint(codec, stream, **options):
    return np.asarray(codec.decompress(stream, painter=SCALES, **options))


def test_it_is_on_offer_where_there_is_a_scale_model(codec):
    assert codec.painters.names == ("own", SCALES)
    assert codec.painters.is_loaded(SCALES)
    assert codec.painters.advise(SCALES, "ultra-low").steps == codec.painters.find(SCALES).card.steps.default
    assert tiny_pipeline().painters.names == ("own",)
    assert copy.copy(codec).painters.names == ("own", SCALES)


def test_a_seed_gives_one_picture_and_another_another(codec, stream):
    first = paint(codec, stream, seed=1)
    assert first.shape == (stream.height, stream.width, 3)
    assert np.array_equal(first, paint(codec, stream, seed=1))
    assert not np.array_equal(first, paint(codec, stream, seed=2))
    assert not np.array_equal(first, paint(codec, stream, seed=1, caption="a red flower"))
    several = codec.decompress(stream, painter=SCALES, seed=[2, 1])
    assert np.array_equal(several[1], first)


def test_what_is_drawn_is_of_the_finest_preset(codec, stream):
    """Drawn indices are all that the picture is of: it is the estimate of one of the finest preset's files."""
    latents = {}
    paint(codec, stream, callback_on_step_end=lambda *told: latents.update(told[-1]), num_inference_steps=6)
    known = codec.canvas(stream).known
    assert latents["latents"].shape == known.shape
    assert not torch.allclose(latents["latents"], known)


def test_nothing_is_drawn_of_the_finest_preset(codec):
    finest = codec.compress(draw_scene(128, 64), "extreme-low", "an old castle")
    assert np.array_equal(paint(codec, finest), np.asarray(codec.decompress(finest, strength=0)))
    assert len(codec.decompress(finest, painter=SCALES, seed=[1, 2])) == 2


@pytest.mark.parametrize(("preset", "steps"), [("ultra-low", 7), ("ultra-low", 2), ("low", 5), ("low", 1)])
def test_every_step_is_told(codec, preset, steps):
    sent = codec.compress(draw_scene(128, 128), preset, "an old castle")
    told = []
    paint(codec, sent, num_inference_steps=steps, callback_on_step_end=lambda painter, *rest: told.append(rest))
    assert [step for step, _, _ in told] == list(range(steps))
    painter = codec.painters.find(SCALES)
    assert painter.decode_latents(told[0][2]["expected_latents"])[0].size == (sent.width, sent.height)


def test_it_stops_between_steps(codec, stream):
    steps = []

    def report(painter, step, sigma, tensors):
        steps.append(step)

    with pytest.raises(Interrupted):
        paint(codec, stream, callback_on_step_end=report, interrupt=lambda: len(steps) == 3)
    assert steps == [0, 1, 2]


def test_it_holds_to_the_bits(codec, stream):
    last = {}
    known, grid = codec.canvas(stream).known, codec.canvas(stream).grid
    for hold in (0.0, 1.0):
        paint(codec, stream, hold=hold, callback_on_step_end=lambda *told: last.update(told[-1]))
        far = low_frequencies(last["latents"] - known, grid).square().mean().sqrt()
        assert (far < 1e-3 * known.std()) == (hold == 1)


def test_settings_of_a_batch_may_differ_in_guidance(codec, stream):
    painter = codec.painters.find(SCALES)
    start = painter.start(codec.canvas(stream), 0.5)
    samplings = [painter.settle("ultra-low", 4, guidance) for guidance in (1.0, 4.0)]
    pictures = painter.paint(start, samplings)
    alone = painter.paint(start, samplings[1:])
    assert np.array_equal(pictures[1], alone[0])
    assert not np.array_equal(pictures[0], pictures[1])


def test_what_it_refuses(codec, stream):
    for options, message in (
        ({"strength": 1.5}, "the strength must be from 0 to 1"),
        ({"num_inference_steps": 0}, "the number of steps must be 1 to 100"),
        ({"fast": True}, "this painter has no fast mode"),
        ({"generator": torch.Generator()}, "from a seed: give that"),
        ({"caption": "x" * 2000}, "caption"),
    ):
        with pytest.raises(InputError, match=message):
            paint(codec, stream, **options)


def test_a_refined_file_is_refused(codec, refinement_helps):
    base = codec.compress(draw_scene(512, 512), "low")
    photo = draw_scene(base.width, base.height)
    refined = codec.refine(base, photo, codec.max_atoms(base) // 4)
    with pytest.raises(InputError, match="a refined file says more"):
        paint(codec, refined)


def test_it_is_saved_and_part_of_the_identity(codec, stream, tmp_path):
    codec.save_pretrained(tmp_path / "model")
    loaded = PerCoV2Pipeline.from_pretrained(tmp_path / "model")
    loaded.set_progress_bar_config(disable=True)
    assert loaded.identity == codec.compute_identity() != tiny_pipeline().compute_identity()
    assert np.array_equal(paint(loaded, loaded.read(stream.to_bytes())), paint(codec, stream))
    assert loaded.painters.find(SCALES).settle("low") == Sampling(12, 1.0, 0.5, painter=SCALES)
