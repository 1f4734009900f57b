"""How the cost grows: with the picture's size, with pictures in a batch, with captions of one photo, with threads.

A picture that is too large for one stream is cut into square tiles, each a stream of its own with the same caption;
no file holds them together, and nothing hides their borders.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from statistics import median
from typing import Any

import torch
from PIL import Image, ImageOps

from percov2_demo.bench.machine import describe_machine
from percov2_demo.bench.measure import CAPTION
from percov2_demo.bench.operations import ATTENTION, KINDS, PRODUCTS, OperationTimes, Work
from percov2_demo.bench.turns import take_turns
from percov2_demo.bitstream import MAX_PIXELS, Bitstream
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.pipelines.onednn import onednn_products
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.presets import NOMINAL_SIDE
from percov2_demo.sampling.sampler import Start
from percov2_demo.sampling.settings import Sampling, painting_strength
from percov2_demo.sweeps import MAX_BATCH, Trial, sweep


WHOLE, TILES, BATCHED = "whole", "tiles", "tiles in batches"
MATRIX_SIDE = 2048
"""Side of the square matrices whose product shows what the machine is capable of."""


@dataclass(frozen=True)
class Ranges:
    """What is measured.

    Args:
        sides: Sides in pixels of square pictures: multiples of 64, and of `tile` where they are too large for one
            stream.
        transformer: Sides of pictures whose tokens the flow transformer is run on, alone.
        tile: Side of a tile.
        batches: Numbers of pictures that are painted together.
        captions: Numbers of captions of one photo, besides the picture without one.
    """

    sides: tuple[int, ...] = (256, 512, 704, 1024, 2048)
    transformer: tuple[int, ...] = (256, 384, 512, 640, 768)
    tile: int = NOMINAL_SIDE
    batches: tuple[int, ...] = (1, 2, 4)
    captions: tuple[int, ...] = (1, 3, 7)


@dataclass(frozen=True)
class Cut:
    """A picture in pieces, each a stream of its own.

    Args:
        pipeline: The codec.
        like: A stream with the pieces' preset and caption.
        sampling: The decoder's settings; its strength is a number.
        pieces: Pictures of one size, whose sides are multiples of 64.
    """

    pipeline: PerCoV2Pipeline
    like: Bitstream
    sampling: Sampling
    pieces: Sequence[Image.Image]

    @torch.inference_mode()
    def encode(self) -> list[bytes]:
        """Encode the pieces at their size; `PerCoV2Pipeline.compress` would fit them to the trained area."""
        codec, files = self.pipeline.hyper_codec, []
        for piece in self.pieces:
            latents = self.pipeline.encode_latents(piece).to(codec.dtype)
            indices = codec.encode(latents, self.like.preset)[0].cpu().numpy()
            stream = replace(self.like, width=piece.width, height=piece.height, indices=indices)
            files.append(self.pipeline.recode(stream).to_bytes())
        return files

    def read(self, files: Sequence[bytes]) -> list[Start]:
        """Decode the pieces' streams to the sampler's starts."""
        return [self.pipeline.start(self.pipeline.read(data), self.sampling.strength) for data in files]

    def paint(self, starts: Sequence[Start], batch: int) -> list[Image.Image]:
        """Paint the pieces, `batch` at a time, each from noise of its own: the same would show as a pattern."""
        pictures = []
        for first in range(0, len(starts), batch):
            together = starts[first : first + batch]
            samplings = [replace(self.sampling, seed=first + number) for number in range(len(together))]
            pictures += self.pipeline.paint(_joined(together), samplings)
        return pictures


def scale(
    pipeline: PerCoV2Pipeline,
    photo: Image.Image,
    repeats: int = 3,
    sampling: Sampling | None = None,
    ranges: Ranges | None = None,
) -> dict[str, Any]:
    """Time growing work, medians over the rounds; everything takes turns.

    Args:
        pipeline: The codec, on the device that is measured.
        photo: The RGB picture, of which squares are made.
        repeats: Rounds; medians are reported.
        sampling: The decoder's settings, with guidance above 1; None for the default ones.
        ranges: What is measured; None for the default ones.

    Returns:
        "settings"; "sizes", rows of a side, a way ("whole", "tiles" or "tiles in batches"), its streams and bytes,
        and processors' seconds of "encode", "read" and "paint"; "batches" and "captions", rows of a number and
        seconds; "threads", of one picture; "transformer", rows of a side, its tokens, seconds of the kinds of
        operations in one run and the numbers of operations; "matrix_product", its seconds and operations.
        "cpu_seconds" are of all of the process's threads, "wall_seconds" on the clock, in which other programs count
        too.

    Raises:
        InputError: A setting is out of range.
    """
    sampling, ranges = sampling or Sampling(), ranges or Ranges()
    like = pipeline.compress(photo, caption=CAPTION)
    sampling = replace(sampling, strength=painting_strength(pipeline.default_strength(like.preset)))
    pipeline.painters.own.check_sampling(sampling)

    def square(side: int) -> Image.Image:
        return ImageOps.fit(photo, (side, side), Image.Resampling.LANCZOS)

    actions: dict[tuple[str | int, ...], Callable[[], object]] = {}
    sizes: list[dict[str, Any]] = []
    for side in ranges.sides:
        whole = side <= pipeline.max_side and side * side <= MAX_PIXELS
        cut = Cut(pipeline, like, sampling, _pieces(square(side), side if whole else ranges.tile))
        files = cut.encode()
        starts = cut.read(files)
        actions["encode", side] = cut.encode
        actions["read", side] = partial(cut.read, files)
        for way, batch in [(WHOLE, 1)] if whole else [(TILES, 1), (BATCHED, MAX_BATCH)]:
            sizes.append({"side": side, "way": way, "streams": len(files), "bytes": sum(map(len, files))})
            actions["paint", side, way] = partial(cut.paint, starts, batch)
    one = Cut(pipeline, like, sampling, [square(ranges.tile)])
    (start,) = one.read(one.encode())
    for number in ranges.batches:
        actions["batches", number] = partial(one.paint, [start] * number, number)
    for number in ranges.captions:
        actions["captions", number] = partial(_caption_lab, pipeline, photo, like.preset, sampling.steps, number)
    threads = [2**power for power in range((os.cpu_count() or 1).bit_length())]
    for number in threads:
        actions["threads", number] = partial(_with_threads, number, partial(one.paint, [start], 1))
    work: dict[int, list[dict[str, Work]]] = {side: [] for side in ranges.transformer if side <= pipeline.max_side}
    for side, done in work.items():
        actions["transformer", side] = partial(_run_transformer, pipeline, start, side, done)
    matrix = torch.ones(MATRIX_SIDE, MATRIX_SIDE, dtype=pipeline.dtype, device=pipeline.device)
    actions["matrix product",] = partial(_multiply, matrix)

    # A whole warm-up round would take minutes: a little of everything is enough.
    one.paint([start], 1)
    spans = take_turns(actions, repeats, pipeline.device, warm_up=False)
    cpu = {name: median(span.cpu for span in taken) for name, taken in spans.items()}
    wall = {name: median(span.wall for span in taken) for name, taken in spans.items()}

    def growth(group: str, numbers: Sequence[int]) -> list[dict[str, float]]:
        return [
            {"number": number, "cpu_seconds": cpu[group, number], "wall_seconds": wall[group, number]}
            for number in numbers
        ]

    for row in sizes:
        side = row["side"]
        names = {"encode": ("encode", side), "read": ("read", side), "paint": ("paint", side, row["way"])}
        row["cpu_seconds"] = {part: cpu[name] for part, name in names.items()}
        row["wall_seconds"] = {part: wall[name] for part, name in names.items()}
    return {
        "settings": _settings(pipeline, like.preset, sampling, ranges, repeats),
        "sizes": sizes,
        **{group: growth(group, getattr(ranges, group)) for group in ("batches", "captions")},
        "threads": growth("threads", threads),
        "transformer": [_transformer_row(pipeline, side, done) for side, done in work.items()],
        "matrix_product": {
            "cpu_seconds": cpu["matrix product",],
            "wall_seconds": wall["matrix product",],
            "operations": 2 * MATRIX_SIDE**3,
        },
    }


def _settings(
    pipeline: PerCoV2Pipeline, preset: str, sampling: Sampling, ranges: Ranges, repeats: int
) -> dict[str, Any]:
    return describe_machine(pipeline.device) | {
        "preset": preset,
        "steps": sampling.steps,
        "guidance": sampling.guidance,
        "strength": sampling.strength,
        "tile": ranges.tile,
        "together": MAX_BATCH,
        "repeats": repeats,
    }


def _pieces(photo: Image.Image, side: int) -> list[Image.Image]:
    """Cut a picture into squares, row by row."""
    corners = product(range(0, photo.height, side), range(0, photo.width, side))
    return [photo.crop((left, top, left + side, top + side)) for top, left in corners]


def _joined(starts: Sequence[Start]) -> Start:
    """Join starts with one text into one, whose first step is not known yet."""
    conditions = [start.condition for start in starts]
    channels = torch.cat([condition.channels for condition in conditions])
    has_estimate = conditions[0].estimate is not None
    estimate = torch.cat([condition.estimate for condition in conditions]) if has_estimate else None
    return replace(starts[0], condition=Condition(channels, estimate), known=estimate, first={})


def _caption_lab(pipeline: PerCoV2Pipeline, photo: Image.Image, preset: str, steps: int, number: int) -> None:
    """Paint as the page's Caption lab does: without a caption, and with each, from pure noise."""
    captions = ["", *(f"{CAPTION}, {index}" for index in range(number))]
    for _ in sweep(pipeline, photo, [Trial(preset, text, Sampling(steps, strength=1.0)) for text in captions]):
        pass


def _with_threads(number: int, action: Callable[[], object]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        action()
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def _run_transformer(pipeline: PerCoV2Pipeline, start: Start, side: int, done: list[dict[str, Work]]) -> None:
    """Run the flow transformer once on noise, as of a picture of `side`, and append what it took to `done`."""
    assert start.text is not None
    config = pipeline.transformer.config
    latent_side = side // pipeline.hyper_codec.config.latent_stride
    noise = torch.randn(1, config.in_channels, latent_side, latent_side).to(pipeline.device, pipeline.dtype)
    with onednn_products(), OperationTimes(pipeline.device) as times:
        pipeline.transformer(
            hidden_states=noise,
            timestep=torch.tensor([500.0], device=pipeline.device),
            encoder_hidden_states=start.text.tokens[:1],
            pooled_projections=start.text.pooled[:1],
        )
    done.append(times.work)


def _transformer_row(pipeline: PerCoV2Pipeline, side: int, done: Sequence[dict[str, Work]]) -> dict[str, Any]:
    stride = pipeline.hyper_codec.config.latent_stride * pipeline.transformer.config.patch_size
    return {
        "side": side,
        "tokens": (side // stride) ** 2,
        "cpu_seconds": {kind: median(work[kind].span.cpu for work in done) for kind in KINDS},
        "wall_seconds": {kind: median(work[kind].span.wall for work in done) for kind in KINDS},
        "operations": {kind: done[0][kind].operations for kind in (ATTENTION, PRODUCTS)},
    }


@torch.inference_mode()
def _multiply(matrix: torch.Tensor) -> None:
    with onednn_products():
        torch.mm(matrix, matrix)
