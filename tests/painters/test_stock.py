import numpy as np
import pytest
import torch
from PIL import Image

from percov2_demo.errors import InputError, ModelError
from percov2_demo.painters.canvas import Canvas
from percov2_demo.painters.stock.painter import StockPainter
from percov2_demo.sampling.hold import low_frequencies
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import Sampling
from tests.painters.canvases import OddCanvas, canvas_of, to_pixels
from tests.scene import draw_scene


SIGMAS = (0.05, 0.5, 0.95)
STEPS = (1, 4, 30)
UNGUIDED = ("sd-turbo-tiny", "sdxl-turbo-tiny", "flux-schnell", "klein", "z-image-turbo")
TURNED = draw_scene(64, 64).transpose(Image.Transpose.FLIP_TOP_BOTTOM)


class Seen(Exception):
    """The first step has been seen."""


def sampling(**settings) -> Sampling:
    return Sampling(**{"steps": 2, "guidance": 1.0} | settings)


def paint(painter: StockPainter, canvas: Canvas | None = None, sigma=0.7, caption=None, **settings) -> Image.Image:
    start = painter.start(canvas or canvas_of(), sigma, caption)
    return painter.paint(start, [sampling(**settings)])[0]


def difference(first: Image.Image, second: Image.Image) -> int:
    return int(np.abs(np.asarray(first, int) - np.asarray(second, int)).max())


@pytest.mark.parametrize("steps", STEPS)
def test_sampling_begins_at_exactly_the_noise_level(painter, steps, monkeypatch):
    scheduler = painter.model.scheduler
    told = []

    def look(_output, _timestep, sample, **_options):
        told.append(sample)
        raise Seen

    # What the pipeline hands its scheduler first.
    monkeypatch.setattr(scheduler, "step", look)
    for sigma in SIGMAS:
        start = painter.start(canvas_of(), sigma)
        noise = torch.randn(start.latents.shape, generator=torch.Generator().manual_seed(3))
        with pytest.raises(Seen):
            painter.paint(start, [sampling(steps=steps, seed=3)])
        latents = painter.model.unpack(told.pop(), noise.shape)
        parts = torch.stack([start.latents.flatten(), noise.flatten()], dim=1)
        weights = torch.linalg.lstsq(parts, latents.flatten()[:, None]).solution.flatten()
        signal, noisy = weights.tolist()
        assert scheduler.noise_level(0) == pytest.approx(sigma, abs=1e-3)
        assert noisy / (noisy + signal) == pytest.approx(sigma, abs=1e-3)
        # Nothing but the two is in it.
        assert (parts @ weights - latents.flatten()).abs().max() < 1e-3 * latents.abs().max()


def test_little_noise_leaves_the_round_trip_of_the_estimate(painter):
    canvas = canvas_of()
    latents = painter.start(canvas, 0.5).latents
    (round_trip,) = painter.decode_latents(latents)
    assert difference(paint(painter, canvas, sigma=1e-5), round_trip) <= 2


def test_no_noise_leaves_the_estimate_itself(painter):
    assert difference(paint(painter, canvas_of(), sigma=0), draw_scene(64, 64)) == 0


def test_the_estimate_is_never_ignored_below_sigma_1(painter):
    for sigma, steps in ((0.5, 1), (0.95, 1), (0.95, 8)):
        pictures = [paint(painter, canvas, sigma, steps=steps) for canvas in (canvas_of(), canvas_of(TURNED))]
        assert difference(*pictures) > 0


def test_pure_noise_ignores_the_estimate(painter):
    pictures = [paint(painter, canvas, sigma=1) for canvas in (canvas_of(), canvas_of(TURNED))]
    assert difference(*pictures) == 0


def test_a_seed_is_a_seed_whatever_the_threads(painter):
    pictures = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            pictures.append(paint(painter, seed=4, steps=1))
    finally:
        torch.set_num_threads(before)
    assert difference(*pictures) <= 1
    assert difference(pictures[0], paint(painter, seed=5, steps=1)) > 1


def test_pictures_of_one_batch_are_those_painted_one_by_one(painter):
    start = painter.start(canvas_of(), 0.7)
    together = painter.paint(start, [sampling(seed=1), sampling(seed=2)])
    for picture, seed in zip(together, (1, 2), strict=True):
        assert difference(picture, paint(painter, seed=seed)) <= 1


def test_scales_of_one_batch_are_painted_each_with_its_own(stock_painter):
    painter = stock_painter("sd")
    start = painter.start(canvas_of(), 0.7)
    together = painter.paint(start, [sampling(guidance=1.0), sampling(guidance=9.0)])
    for picture, guidance in zip(together, (1.0, 9.0), strict=True):
        assert difference(picture, paint(painter, guidance=guidance)) <= 1


def test_another_caption_gives_another_picture(painter):
    pictures = [paint(painter, caption=caption) for caption in ("a cat on a mat", "an old castle")]
    assert difference(*pictures) > 0
    assert difference(paint(painter), pictures[0]) == 0


def test_no_caption_is_a_caption_too(painter):
    assert paint(painter, caption="").size == (64, 64)


@pytest.mark.parametrize("name", ["sd", "sdxl", "sd3", "z-image", "klein-base", "flux-dev", "lcm", "sana-sprint"])
def test_guidance_has_a_say(stock_painter, name):
    painter = stock_painter(name)
    assert painter.card.guidance is not None
    pictures = [paint(painter, guidance=guidance, steps=4) for guidance in (3.0, 9.0)]
    assert difference(*pictures) > 0


@pytest.mark.parametrize("name", UNGUIDED)
def test_distilled_models_hide_guidance(stock_painter, name):
    painter = stock_painter(name)
    assert painter.card.guidance is None
    assert painter.settle("low", guidance=7.0).guidance == 1


def test_steps_are_told_with_previews(painter):
    told = []

    def report(codec, step, sigma, tensors):
        told.append((step, sigma, codec.decode_latents(tensors["expected_latents"])[0]))

    start = painter.start(canvas_of(), 0.9)
    (picture,) = painter.paint(start, [sampling(steps=4)], callback_on_step_end=report)
    steps, sigmas, previews = zip(*told, strict=True)
    assert steps == (0, 1, 2, 3)
    assert list(sigmas) == sorted(sigmas, reverse=True)
    # What the last step expects is the picture.
    assert difference(previews[-1].crop((0, 0, 64, 64)), picture) <= 1


def test_a_callback_may_change_the_latents(painter):
    """In the middle, so that the next step sees them, and at the end, where they are the picture."""
    start = painter.start(canvas_of(), 0.9)
    plain = painter.paint(start, [sampling(steps=2)])[0]
    seen = []

    def change(at):
        def report(_painter, step, _sigma, tensors):
            seen.append(tensors["latents"])
            return {"latents": tensors["latents"].flip(-1)} if step == at else None

        return report

    middle = painter.paint(start, [sampling(steps=2)], callback_on_step_end=change(0))[0]
    assert difference(middle, plain) > 0
    end = painter.paint(start, [sampling(steps=2)], callback_on_step_end=change(1))[0]
    (expected,) = painter.decode_latents(seen[-1].flip(-1))
    assert difference(expected.crop((0, 0, 64, 64)), end) <= 1


def test_several_settings_and_one_generator_are_refused(stock_painter):
    painter = stock_painter("sd")
    for sigma in (0, 0.7):
        with pytest.raises(InputError, match="several seeds or a generator, not both"):
            painter.paint(
                painter.start(canvas_of(), sigma),
                [sampling(guidance=1.0), sampling(guidance=9.0)],
                generator=torch.Generator(),
            )


def test_painting_can_be_stopped_and_begun_again(painter):
    told = []
    start = painter.start(canvas_of(), 0.7)
    with pytest.raises(Interrupted):
        painter.paint(
            start,
            [sampling(steps=4)],
            callback_on_step_end=lambda _painter, step, *_: told.append(step),
            interrupt=lambda: len(told) == 2,
        )
    assert told == [0, 1]
    assert painter.paint(start, [sampling()])[0].size == (64, 64)


def test_any_size_comes_back_at_its_own_size(painter):
    for size in ((72, 40), (65, 97)):
        assert paint(painter, OddCanvas(draw_scene(*size)), steps=1).size == size


def test_small_pictures_are_painted_at_the_size_the_model_knows(stock_painter, monkeypatch):
    painter = stock_painter("sd")
    monkeypatch.setattr(type(painter.model), "native_side", 128)
    start = painter.start(canvas_of(), 0.5)
    assert start.latents.shape[-2:] == (16, 16)
    assert painter.paint(start, [sampling()])[0].size == (64, 64)


def test_holding_to_the_bits_keeps_the_low_frequencies_of_the_estimate(painter):
    """Within a thousandth of the latents' deviation at 1, and part of the way below."""
    canvas = canvas_of()
    start = painter.start(canvas, 0.9)
    last = {}

    def keep(_painter, _step, _sigma, tensors):
        last["latents"] = tensors["expected_latents"]

    far = []
    for amount in (0.0, 0.5, 1.0):
        painter.paint(start, [sampling(steps=4, hold=amount)], callback_on_step_end=keep)
        far.append(float(low_frequencies(last["latents"] - start.latents, canvas.grid).square().mean().sqrt()))
    scale = float(start.latents.std())
    assert far[2] < 1e-3 * scale
    assert far[0] > 0.01 * scale
    assert far[2] < far[1] < far[0]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"steps": 0}, "number of steps must be 1 to 100"),
        ({"steps": 101}, "number of steps must be 1 to 100"),
        ({"seed": -1}, "seed must be"),
        ({"hold": 1.5}, "hold must be from 0 to 1"),
        ({"guidance": -1.0}, "guidance scale must be"),
    ],
)
def test_settings_out_of_range_are_refused(stock_painter, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        paint(stock_painter("sd"), **settings)


def test_a_noise_level_out_of_range_is_refused(stock_painter):
    with pytest.raises(InputError, match="strength must be from 0 to 1"):
        stock_painter("sd").start(canvas_of(), 1.2)


def test_a_fast_mode_is_refused(stock_painter):
    painter = stock_painter("sd")
    with pytest.raises(InputError, match="no fast mode"):
        painter.paint(painter.start(canvas_of(), 0.5), [sampling()], fast=True)


def test_settings_of_one_batch_share_steps_and_hold(stock_painter):
    painter = stock_painter("sd")
    start = painter.start(canvas_of(), 0.5)
    for other in (sampling(steps=3), sampling(hold=0.5)):
        with pytest.raises(InputError, match="painted together"):
            painter.paint(start, [sampling(), other])
    with pytest.raises(InputError, match="at least one seed"):
        painter.paint(start, [])


def test_a_codec_without_an_estimate_is_told_so(stock_painter):
    canvas = canvas_of()
    canvas._decoder._picture = None
    with pytest.raises(ModelError, match="no hyper-decoder"):
        stock_painter("sd").start(canvas, 0.5)


def test_an_estimate_is_decoded_once():
    canvas = canvas_of()
    assert canvas.estimate is canvas.estimate
    assert torch.equal(canvas.estimate, to_pixels(draw_scene(64, 64)))
