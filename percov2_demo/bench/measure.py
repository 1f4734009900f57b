"""Medians of wall time; what is compared takes turns, so that a busy machine is busy for all."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from math import prod
from statistics import median
from typing import Any

from PIL import Image

from percov2_demo.bench.machine import describe_machine, peak_memory_mb
from percov2_demo.bench.plain_loop import PlainLoop
from percov2_demo.bench.turns import measure_span, take_turns
from percov2_demo.bench.variants import VARIANTS, refusal
from percov2_demo.bitstream import Bitstream
from percov2_demo.images import fit_image
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.refinement import Allocation
from percov2_demo.sampling.settings import Sampling, painting_strength
from percov2_demo.sweeps import Trial, sweep


CAPTION = "a black shape with a bright edge"
REFINED_ATOMS = 500
"""Spent on the refined file: about 700 bytes."""

SWEEP_GUIDANCES = (1.0, 2.0, 3.0, 5.0, 7.5)
SWEEP_STEPS = (2, 4, 8, 16)


def bench(
    pipeline: PerCoV2Pipeline,
    photo: Image.Image,
    repeats: int = 5,
    sampling: Sampling | None = None,
    sweep_steps: Sequence[int] = SWEEP_STEPS,
    variants: bool = False,
) -> dict[str, Any]:
    """Time the parts of one round trip and of a sweep, in seconds.

    Args:
        pipeline: The codec, on the device that is measured.
        photo: The RGB picture; it is fitted as "native" of `images.fit_image`.
        repeats: Rounds; medians are reported. The sweep is run once.
        sampling: The decoder's settings, with guidance above 1; None for the default ones.
        sweep_steps: Numbers of steps of the sweep.
        variants: Whether `variants.VARIANTS` are measured too, of which compiling takes minutes.

    Returns:
        "settings"; "parts", seconds by name; "decode", seconds of the plain diffusers loop, of this codec and of its
        fast mode, with text and hyper-decoding; "ratio_to_diffusers" and "ratio_to_diffusers_fast", medians over the
        rounds, and the same of processors' seconds, in which other programs hardly count, as "cpu_ratio_to_diffusers"
        and "cpu_ratio_to_diffusers_fast"; "psnr_to_diffusers" and "psnr_fast", dB between the pictures; "variants", of
        each "seconds", "ratio_to_diffusers" and "psnr_to_exact" or, where it does not run, "refused", a sentence;
        "refinement", its coded steps, seconds, and ratios of CPU time to a plain picture of the same steps;
        "sweep" and its ratios to separate decodes; "peak_memory_mb", of the device's memory on a GPU.

    Raises:
        InputError: A setting is out of range.
    """
    photo = fit_image(photo, max_side=pipeline.max_side)
    stream = pipeline.compress(photo, caption=CAPTION)
    sampling = replace(sampling or Sampling(), strength=painting_strength(pipeline.default_strength(stream.preset)))
    pipeline.painters.own.check_sampling(sampling)
    parts = _parts(pipeline, photo, stream, sampling, repeats)
    return (
        {"settings": _settings(pipeline, photo, repeats, sampling), "parts": parts}
        | _beside_diffusers(pipeline, stream, sampling, repeats, variants)
        | _sweep(pipeline, photo, stream, sampling, sweep_steps)
        | {"refinement": _refinement(pipeline, photo, stream, repeats)}
        | {"peak_memory_mb": peak_memory_mb(pipeline.device)}
    )


def _settings(pipeline: PerCoV2Pipeline, photo: Image.Image, repeats: int, sampling: Sampling) -> dict[str, Any]:
    return describe_machine(pipeline.device) | {
        "size": f"{photo.width}x{photo.height}",
        "steps": sampling.steps,
        "guidance": sampling.guidance,
        "strength": sampling.strength,
        "repeats": repeats,
    }


def _parts(
    pipeline: PerCoV2Pipeline, photo: Image.Image, stream: Bitstream, sampling: Sampling, repeats: int
) -> dict[str, float]:
    """Time the parts of a round trip; "total" is the round trip without a caption's writing."""
    data = stream.to_bytes()
    packed = pipeline.compress(photo, caption=CAPTION, caption_coding="deflate")
    start = pipeline.start(stream)
    latents = pipeline.encode_latents(photo)
    (picture,) = pipeline.decode_latents(latents)
    actions: dict[str, Callable[[], object]] = {
        "caption": lambda: pipeline.caption(photo),
        "encode": lambda: pipeline.compress(photo, caption=CAPTION, caption_coding="deflate"),
        "entropy coding": lambda: pipeline.recode(packed).to_bytes(),
        "entropy decoding": lambda: pipeline.read(data),
        "text and hyper-decoder": lambda: pipeline.start(stream),
        "steps": lambda: pipeline.paint(replace(start, first={}), [sampling]),
        "autoencoder": lambda: pipeline.decode_latents(latents),
        "png": lambda: picture.save(io.BytesIO(), "PNG"),
    }
    if pipeline.captioner is None:
        del actions["caption"]
    spans = take_turns(actions, repeats, pipeline.device)
    seconds = {name: median(span.wall for span in taken) for name, taken in spans.items()}
    # A picture is painted by the steps and then decoded.
    seconds["steps"] -= seconds["autoencoder"]
    parts = seconds | {"each step": seconds["steps"] / sampling.steps}
    return parts | {"total": sum(value for name, value in seconds.items() if name != "caption")}


def _beside_diffusers(
    pipeline: PerCoV2Pipeline, stream: Bitstream, sampling: Sampling, repeats: int, variants: bool
) -> dict[str, Any]:
    plain = PlainLoop(pipeline)
    pictures: dict[str, Image.Image] = {}

    def paint(name: str, action: Callable[[], Image.Image]) -> Callable[[], None]:
        return lambda: pictures.update({name: action()})

    settings = {"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance, "seed": sampling.seed}
    actions = {
        "diffusers": paint("diffusers", lambda: plain.paint(pipeline.start(stream), sampling)),
        "exact": paint("exact", lambda: pipeline.decompress(stream, **settings)),
        "fast": paint("fast", lambda: pipeline.decompress(stream, **settings, fast=True)),
    }
    refused: dict[str, str] = {}
    for name, variant in VARIANTS.items() if variants else ():
        decompress = partial(variant.apply(pipeline).decompress, stream, **settings, fast=variant.fast)
        sentence = refusal(decompress)
        if sentence is None:
            actions[name] = paint(name, decompress)
        else:
            refused[name] = sentence
    spans = take_turns(actions, repeats, pipeline.device)
    times = {name: [span.wall for span in taken] for name, taken in spans.items()}
    cpu_times = {name: [span.cpu for span in taken] for name, taken in spans.items()}
    tensors = {name: to_tensor(picture) for name, picture in pictures.items()}

    def row(name: str) -> dict[str, float | str]:
        if name in refused:
            return {"refused": refused[name]}
        return {
            "seconds": median(times[name]),
            "ratio_to_diffusers": _ratio(times[name], times["diffusers"]),
            "psnr_to_exact": psnr(tensors["exact"], tensors[name]),
        }

    return {
        "decode": {name: median(times[name]) for name in ("diffusers", "exact", "fast")},
        "ratio_to_diffusers": _ratio(times["exact"], times["diffusers"]),
        "ratio_to_diffusers_fast": _ratio(times["fast"], times["diffusers"]),
        "cpu_ratio_to_diffusers": _ratio(cpu_times["exact"], cpu_times["diffusers"]),
        "cpu_ratio_to_diffusers_fast": _ratio(cpu_times["fast"], cpu_times["diffusers"]),
        "psnr_to_diffusers": psnr(tensors["diffusers"], tensors["exact"]),
        "psnr_fast": psnr(tensors["exact"], tensors["fast"]),
        "variants": {name: row(name) for name in VARIANTS if variants},
    }


def _sweep(
    pipeline: PerCoV2Pipeline, photo: Image.Image, stream: Bitstream, sampling: Sampling, steps: Sequence[int]
) -> dict[str, Any]:
    """Time a sweep of guidance scales and numbers of steps, against the same pictures decoded one by one."""
    samplings = [
        replace(sampling, steps=count, guidance=guidance) for count, guidance in product(steps, SWEEP_GUIDANCES)
    ]

    exact, fast = (
        sweep(pipeline, photo, [Trial(stream.preset, CAPTION, one, fast) for one in samplings])
        for fast in (False, True)
    )
    seconds = {"separate": 0.0, "exact": 0.0, "fast": 0.0}
    for one, exact_outcome, fast_outcome in zip(samplings, exact, fast, strict=True):
        apart = partial(pipeline.decompress, stream, one.steps, one.guidance, one.strength, one.seed)
        seconds["separate"] += measure_span(apart, pipeline.device).wall
        # Only the time of painting counts: separate decodes do not measure either.
        seconds["exact"] += exact_outcome.seconds
        seconds["fast"] += fast_outcome.seconds
    return {
        "sweep": {"pictures": len(samplings)} | seconds,
        "ratio_of_sweep": seconds["exact"] / seconds["separate"],
        "ratio_of_sweep_fast": seconds["fast"] / seconds["separate"],
    }


def _refinement(pipeline: PerCoV2Pipeline, photo: Image.Image, stream: Bitstream, repeats: int) -> dict[str, float]:
    """Time refinement on both sides beside plain pictures of as many steps, without guidance as in coded steps."""
    refined = pipeline.refine(stream, photo, REFINED_ATOMS)
    steps = len(Allocation(prod(pipeline.latent_shape(stream)), REFINED_ATOMS).steps)
    # At the default strength the estimate may be shown as it is, which takes no step.
    strength = painting_strength(pipeline.default_strength(stream.preset))
    actions: dict[str, Callable[[], object]] = {
        "plain": lambda: pipeline.decompress(stream, steps, guidance_scale=1.0, strength=strength),
        "encode": lambda: pipeline.refine(stream, photo, REFINED_ATOMS),
        "decode": lambda: pipeline.decompress(refined),
    }
    spans = take_turns(actions, repeats, pipeline.device)
    cpu = {name: [span.cpu for span in taken] for name, taken in spans.items()}
    seconds = {name: median(span.wall for span in taken) for name, taken in spans.items()}
    ratios = {f"cpu_ratio_{name}": _ratio(cpu[name], cpu["plain"]) for name in ("encode", "decode")}
    return {"steps": steps} | seconds | ratios


def _ratio(times: Sequence[float], reference: Sequence[float]) -> float:
    return median(value / base for value, base in zip(times, reference, strict=True))
