"""The sampler's exact and fast modes on the tiny random pipeline."""

import numpy as np
import pytest
import torch

from percov2_demo.errors import InputError
from percov2_demo.sampling import sampler
from percov2_demo.sampling.sampler import LITTLE_GUIDANCE, extrapolate, without_little_guidance
from percov2_demo.sampling.settings import Sampling
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


CAPTION = "an old castle"


@pytest.fixture(scope="module")
def painter():
    """A pipeline whose transformer says something, and a stream of it."""
    pipeline = tiny_pipeline()
    with torch.no_grad():
        pipeline.transformer.proj_out.weight.mul_(3)
    return pipeline, pipeline.compress(draw_scene(128, 128), caption=CAPTION)


@pytest.fixture
def calls(painter, monkeypatch) -> list[int]:
    """The batch size of each run of the transformer."""
    transformer, sizes = painter[0].transformer, []
    forward = transformer.forward

    def count(*args, **kwargs):
        sizes.append(len(kwargs["hidden_states"]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(transformer, "forward", count)
    return sizes


@pytest.mark.parametrize(
    ("steps", "guidance", "sizes"),
    [
        (8, 3.0, [2] * 4),
        (8, 1.01, [2, 1, 1, 1]),
        (8, 1.0, [1] * 4),
        (8, 0.0, [1] * 4),
        (8, 0.5, [2] * 4),
        (1, 3.0, [2]),
    ],
)
def test_fast_mode_asks_at_every_other_step_and_drops_little_guidance(painter, calls, steps, guidance, sizes):
    pipeline, stream = painter
    told = []
    pipeline.decompress(
        stream, steps, guidance, fast=True, callback_on_step_end=lambda _p, step, *_: told.append(step)
    )
    assert calls == sizes
    assert told == list(range(steps))


def test_guidance_is_dropped_picture_by_picture_and_for_good():
    branches = torch.stack([torch.zeros(3, 1, 2, 2), torch.full((3, 1, 2, 2), 0.9 * LITTLE_GUIDANCE)])
    weights = without_little_guidance(torch.tensor([1.5, 3.0, 0.5]), branches, 1)
    assert weights.tolist() == [1.0, 3.0, 0.5]
    assert without_little_guidance(weights, 100 * branches, 1).tolist() == [1.0, 3.0, 0.5]


def test_less_guidance_is_little_the_more_runs_are_left():
    branches = torch.stack([torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.4 * LITTLE_GUIDANCE)])
    kept = [without_little_guidance(torch.tensor([2.0]), branches, runs).item() for runs in (1, 2, 3, 5)]
    assert kept == [1.0, 1.0, 2.0, 2.0]


@pytest.mark.parametrize(("steps", "runs"), [(3, [1]), (4, [1]), (8, [3, 2, 1]), (9, [4, 3, 2, 1])])
def test_the_runs_that_are_left_are_counted(painter, monkeypatch, steps, runs):
    pipeline, stream = painter
    told = []

    def keep(weights, branches, left):
        told.append(left)
        return weights

    monkeypatch.setattr(sampler, "without_little_guidance", keep)
    pipeline.decompress(stream, steps, fast=True)
    assert told == runs


def test_guidance_acts_in_two_fast_steps_of_a_residual_too():
    pipeline = tiny_pipeline()
    pipeline.register_to_config(prediction_type="residual")
    with torch.no_grad():
        pipeline.transformer.proj_out.weight.mul_(3)
    stream = pipeline.compress(draw_scene(128, 128), caption=CAPTION)
    pictures = {pipeline.decompress(stream, 2, guidance, fast=True).tobytes() for guidance in (1.0, 3.0, 7.5)}
    assert len(pictures) == 3


def test_one_fast_step_is_the_exact_one(painter):
    pipeline, stream = painter
    assert np.array_equal(pipeline.decompress(stream, 1, fast=True), pipeline.decompress(stream, 1))


def test_predictions_on_a_line_are_extrapolated_exactly():
    offset, slope = torch.randn(2, 2, 1, 16, 4, 4).unbind()
    past = [(torch.tensor(sigma), offset + sigma * slope) for sigma in (0.8, 0.6)]
    torch.testing.assert_close(extrapolate(past, torch.tensor(0.5)), offset + 0.5 * slope)
    assert torch.equal(extrapolate(past[:1], torch.tensor(0.5)), past[0][1])


@pytest.mark.parametrize("fast", [False, True])
def test_a_batch_of_guidance_scales_is_its_pictures_one_by_one(painter, fast):
    pipeline, stream = painter
    samplings = [Sampling(4, guidance, seed=seed) for guidance, seed in ((0, 0), (1, 0), (0.5, 1), (3, 1), (7.5, 0))]
    batch = pipeline.paint(pipeline.start(stream), samplings, fast)
    for sampling, picture in zip(samplings, batch, strict=True):
        (alone,) = pipeline.paint(pipeline.start(stream), [sampling], fast)
        assert np.abs(np.asarray(picture, int) - np.asarray(alone, int)).max() <= 1
    assert len({picture.tobytes() for picture in batch}) == len(batch)


def test_pictures_painted_together_take_the_same_steps(painter):
    pipeline, stream = painter
    with pytest.raises(InputError, match="same number of steps"):
        pipeline.paint(pipeline.start(stream), [Sampling(1), Sampling(2)])
    with pytest.raises(InputError, match="guidance"):
        pipeline.paint(pipeline.start(stream), [Sampling(guidance=-1)])
    with pytest.raises(InputError, match="strength"):
        pipeline.start(stream, strength=2)


def test_a_generators_noise_is_not_taken_for_a_seeds(painter):
    pipeline, stream = painter
    start = pipeline.start(stream)
    (seeded,) = pipeline.paint(start, [Sampling(1)])
    (drawn,) = pipeline.paint(start, [Sampling(1)], generator=torch.Generator().manual_seed(1))
    assert np.array_equal(drawn, pipeline.decompress(stream, 1, seed=1))
    assert not np.array_equal(drawn, seeded)
    with pytest.raises(InputError, match="not both"):
        pipeline.paint(start, [Sampling(1)] * 2, generator=torch.Generator())
