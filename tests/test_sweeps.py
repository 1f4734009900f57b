"""Sweeps of the tiny random pipeline."""

from itertools import islice, product

import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream.rates import RateReport
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.images import fit_image
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.painters.known import Advice
from percov2_demo.painters.own import OwnPainter
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import Sampling
from percov2_demo.sweeps import MAX_BATCH, Trial, difference, group_trials, mean_and_deviation, plan, sweep
from tests.scene import draw_scene


@pytest.fixture
def photo() -> Image.Image:
    return draw_scene(192, 128)


def trial(caption: str = "", preset: str = "ultra-low", **settings) -> Trial:
    return Trial(preset, caption, Sampling(**{"steps": 2, "strength": 0.5} | settings))


def advise(painter: str, preset: str) -> Advice | None:
    if painter == "owner/unknown":
        return None
    return Advice(4, None if painter == "owner/turbo" else 3.0, {"ultra-low": 0.3, "low": 0.2}[preset])


def test_all_combinations_are_planned():
    samplings = [Sampling(steps, guidance, 0.5) for steps, guidance in product((1, 2), (1, 3))]
    trials = plan(["ultra-low", "low"], ["a castle"], samplings, advise)
    assert len(trials) == 8
    assert trials[0] == Trial("ultra-low", "a castle", Sampling(1, 1, 0.5))


def test_no_strength_is_the_models():
    (first, second) = plan(["ultra-low", "low"], ["a castle"], [Sampling()], advise)
    assert (first.sampling.strength, second.sampling.strength) == (0.3, 0.2)


@pytest.mark.parametrize(
    ("caption", "samplings", "count"),
    [
        ("", [Sampling(2, 1, 0.5), Sampling(2, 3, 0.5), Sampling(4, 3, 0.5)], 2),
        ("a castle", [Sampling(2, 1, 0), Sampling(2, 3, 0), Sampling(4, 3, 0, seed=1)], 1),
        ("a castle", [Sampling(2, 1, 0.3), Sampling(2, 1, None)], 1),
        ("a castle", [Sampling(2, 1, 0.3), Sampling(2, 1, 0.3, seed=1)], 2),
    ],
)
def test_the_same_picture_is_planned_once(caption, samplings, count):
    assert len(plan(["ultra-low"], [caption], samplings, advise)) == count


def test_a_painter_without_guidance_paints_one_picture_for_all_scales():
    samplings = [Sampling(2, guidance, 0.5, painter="owner/turbo") for guidance in (1, 3, 7)]
    (only,) = plan(["low"], ["a castle"], samplings, advise)
    assert only.sampling.guidance == 1


def test_a_painter_that_is_not_known_begins_at_a_usual_noise_level():
    (only,) = plan(["low"], ["a castle"], [Sampling(2, 3, painter="owner/unknown")], advise)
    assert only.sampling.strength == 0.6


def test_the_estimate_takes_no_steps():
    assert (trial(steps=7).steps, trial(steps=7, strength=0).steps) == (7, 0)


def test_pictures_and_bytes_are_those_of_single_runs(pipeline, photo):
    trials = [trial("an old castle", guidance=3.0), trial("an old castle", "low", guidance=1.0, seed=5)]
    for planned, outcome in zip(trials, sweep(pipeline, photo, trials), strict=True):
        stream = pipeline.compress(photo, preset=planned.preset, caption="an old castle")
        settings = planned.sampling
        picture = pipeline.decompress(stream, 2, settings.guidance, 0.5, settings.seed)
        assert outcome.trial == planned
        assert outcome.stream.to_bytes() == stream.to_bytes()
        assert np.array_equal(outcome.picture, picture)
        assert outcome.metrics["psnr"] == psnr(to_tensor(fit_image(photo)), to_tensor(picture))
        assert outcome.seconds > 0
        rates = RateReport.from_bitstream(stream)
        row = outcome.to_row()
        assert (row["file_bytes"], row["caption_bytes"]) == (rates.file_bytes, rates.caption_bytes)
        assert (row["preset"], row["seed"], row["psnr"]) == (planned.preset, settings.seed, outcome.metrics["psnr"])


def test_captions_share_indices(pipeline, photo):
    outcomes = list(sweep(pipeline, photo, [trial(), trial("an old castle"), trial("a cat on a mat")]))
    plain, *others = (outcome.stream for outcome in outcomes)
    assert plain.part_sizes.caption == 0
    for stream in others:
        assert np.array_equal(stream.indices, plain.indices)
        assert stream.part_sizes.caption > 0
        assert pipeline.read(stream.to_bytes()).caption == stream.caption


def test_a_photo_is_encoded_once_for_each_preset_and_coded_once_for_each_caption(pipeline, photo, monkeypatch):
    encoded, coded = [], []
    compress, check = type(pipeline).compress, EntropyCoder.check

    def count_encoded(self, photo, preset, **options):
        encoded.append(preset)
        return compress(self, photo, preset, **options)

    def count_coded(self, stream):
        coded.append((stream.preset, stream.caption))
        check(self, stream)

    monkeypatch.setattr(type(pipeline), "compress", count_encoded)
    monkeypatch.setattr(EntropyCoder, "check", count_coded)
    pairs = list(product(("ultra-low", "low"), ("", "a castle")))
    assert len(list(sweep(pipeline, photo, [trial(caption, preset, steps=1) for preset, caption in pairs]))) == 4
    assert encoded == ["ultra-low", "low"]
    assert coded == pairs


def test_neighbours_are_batched_by_what_they_share():
    trials = [trial("a castle", seed=seed, guidance=guidance) for guidance in (1.0, 3.0) for seed in range(3)]
    trials += [trial("a castle", steps=1), trial("a castle", strength=0.4), trial("a cat")]
    sizes = [len(batch) for batch in group_trials(trials, MAX_BATCH)]
    assert sizes == [4, 2, 1, 1, 1]
    assert [planned for batch in group_trials(trials, MAX_BATCH) for planned in batch] == trials


def test_a_cpu_paints_one_after_another(pipeline, photo, monkeypatch):
    painted = []
    paint = OwnPainter.paint

    def count(self, start, samplings, *args):
        painted.append([sampling.seed for sampling in samplings])
        return paint(self, start, samplings, *args)

    monkeypatch.setattr(OwnPainter, "paint", count)
    assert len(list(sweep(pipeline, photo, [trial(seed=seed) for seed in range(2)]))) == 2
    assert painted == [[0], [1]]


def test_first_steps_from_the_same_noise_are_run_once(pipeline, photo, monkeypatch):
    calls = []
    forward = pipeline.transformer.forward

    def count(*args, **kwargs):
        calls.append(len(kwargs["hidden_states"]))
        return forward(*args, **kwargs)

    monkeypatch.setattr(pipeline.transformer, "forward", count)
    settings = [(1, 1.0), (1, 5.0), (2, 3.0), (2, 1.0)]
    trials = [trial("a castle", steps=steps, guidance=guidance) for steps, guidance in settings]
    outcomes = list(sweep(pipeline, photo, trials))
    # With the caption; without it too; only the second steps.
    assert calls == [1, 1, 2, 1]
    for outcome, planned in zip(outcomes, trials, strict=True):
        alone = next(sweep(pipeline, photo, [planned]))
        assert np.abs(np.asarray(outcome.picture, int) - np.asarray(alone.picture, int)).max() <= 1


def test_fast_is_told_in_the_row(pipeline, photo):
    (planned,) = plan(["ultra-low"], ["a castle"], [Sampling(4, strength=0.5)], advise, fast=True)
    (outcome,) = sweep(pipeline, photo, [planned])
    assert outcome.to_row()["fast"]
    assert np.array_equal(outcome.picture, pipeline.decompress(outcome.stream, 4, strength=0.5, fast=True))


def test_steps_are_told(pipeline, photo):
    told = []
    list(sweep(pipeline, photo, [trial(steps=3), trial(strength=0), trial(steps=1)], told.append))
    assert told == [1, 2, 3, 1]


def test_interruption_keeps_what_is_finished(pipeline, photo):
    told = []
    running = sweep(pipeline, photo, [trial(), trial(seed=1, steps=9)], told.append, lambda: len(told) > 3)
    assert len(list(islice(running, 1))) == 1
    with pytest.raises(Interrupted):
        next(running)
    assert len(told) == 4


def test_difference_of_pictures():
    black, grey = Image.new("RGB", (3, 2)), Image.new("RGB", (3, 2), (10, 10, 10))
    red = Image.new("RGB", (3, 2), (30, 0, 0))
    assert difference(black, black).max() == 0
    assert difference(black, grey) == pytest.approx(np.full((2, 3), 10.0))
    assert difference(black, red) == pytest.approx(np.full((2, 3), 30 / 3**0.5))


def test_mean_and_deviation_of_samples():
    pictures = [Image.new("RGB", (3, 2), (level,) * 3) for level in (10, 20, 30)]
    mean, deviation = mean_and_deviation(pictures)
    assert mean.getpixel((0, 0)) == (20, 20, 20)
    assert deviation == pytest.approx(np.full((2, 3), (200 / 3) ** 0.5))
    assert mean_and_deviation([pictures[0]] * 2)[1].max() == 0
