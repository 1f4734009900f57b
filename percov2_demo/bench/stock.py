"""What our code costs round a stock pipeline: a painter beside diffusers' own call, both with as many runs."""

from dataclasses import asdict
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from percov2_demo.bench.machine import describe_machine, peak_memory_mb
from percov2_demo.bench.turns import take_turns
from percov2_demo.errors import InputError
from percov2_demo.images import fit_image
from percov2_demo.painters.painter import Painter
from percov2_demo.painters.stock.painter import StockPainter
from percov2_demo.pipelines.base import CodecPipeline
from percov2_demo.sampling.settings import Sampling


CAPTION = "a black shape with a bright edge"


def bench_painter(
    pipeline: CodecPipeline,
    photo: Image.Image,
    painter: Painter,
    repeats: int = 5,
    sampling: Sampling | None = None,
) -> dict[str, Any]:
    """Time a stock painter and diffusers' own call of its pipeline in turns, in seconds.

    Both encode a picture, caption included, run the network as often, and decode; the noise levels differ.

    Args:
        pipeline: The codec whose file is painted.
        photo: The RGB picture; it is fitted as "native" of `images.fit_image`.
        painter: A stock painter.
        repeats: Rounds; medians are reported.
        sampling: The decoder's settings; None for the painter's usual ones.

    Returns:
        "settings"; "seconds" of "diffusers" and "painter"; "ratio", the median over the rounds of the painter's time
        over diffusers', and "cpu_ratio", the same of processors' seconds; "peak_memory_mb".

    Raises:
        InputError: A setting is out of range.
    """
    if not isinstance(painter, StockPainter):
        raise InputError("only a public model can be timed beside diffusers' own call of it: name one")
    stream = pipeline.compress(fit_image(photo, max_side=pipeline.max_side), caption=CAPTION)
    canvas = pipeline.canvas(stream)
    asked = () if sampling is None else (sampling.steps, sampling.guidance, sampling.strength, sampling.seed)
    sampling = painter.settle(stream.preset, *asked)
    model = painter.model
    # Small pictures are painted larger, in diffusers' own call too.
    latents = painter.start(canvas, 1.0).latents
    height, width = (side * model.stride for side in latents.shape[-2:])
    pixels = F.interpolate(canvas.estimate, (height, width))

    def plain() -> None:
        with model.unscripted() as call, torch.inference_mode():
            latents = model.encode(pixels.to(call._execution_device, call.vae.dtype))
            call(
                prompt=[CAPTION],
                width=width,
                height=height,
                num_inference_steps=sampling.steps,
                generator=torch.Generator().manual_seed(sampling.seed),
                output_type="latent",
                **model.call_options(sampling.guidance),
            )
            # The autoencoder may work in another precision than the pipeline's latents have.
            painter.decode_latents(latents)

    actions = {
        "diffusers": plain,
        "painter": lambda: painter.paint(painter.start(canvas, sampling.strength), [sampling]),
    }
    spans = take_turns(actions, repeats, pipeline.device)
    pairs = list(zip(spans["painter"], spans["diffusers"], strict=True))
    return {
        "settings": describe_machine(pipeline.device)
        | {"size": f"{stream.width}x{stream.height}", "repeats": repeats}
        | asdict(sampling)
        | {"painter": painter.card.name},
        "seconds": {name: median(span.wall for span in taken) for name, taken in spans.items()},
        "ratio": median(ours.wall / theirs.wall for ours, theirs in pairs),
        "cpu_ratio": median(ours.cpu / theirs.cpu for ours, theirs in pairs),
        "peak_memory_mb": peak_memory_mb(pipeline.device),
    }


def painter_table(result: dict[str, Any]) -> str:
    """Return the result of `bench_painter` for people."""
    settings, seconds = result["settings"], result["seconds"]
    return (
        f"{settings['painter']}, {settings['size']}, {settings['steps']} steps, {settings['repeats']} rounds\n"
        f"diffusers' own call  {seconds['diffusers']:.3f} s\n"
        f"as a painter         {seconds['painter']:.3f} s, {result['ratio']:.3f} times as long "
        f"({result['cpu_ratio']:.3f} in processors' seconds)"
    )
