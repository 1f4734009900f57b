"""A codec's scale model as a painter: finer indices are drawn under the caption, and the decoder paints those.

The decoder never sees anything but indices that it was trained on, so what is invented has edges and no dirt. It is
the generation of PerCoV2's visual autoregressive model (arXiv 2503.09368), coarse to fine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream.captions import encode_utf8
from percov2_demo.bitstream.header import TEMPERATURE_UNIT
from percov2_demo.entropy.scale_model import ScaleDrawer, ScaleModel
from percov2_demo.errors import InputError
from percov2_demo.painters.canvas import Canvas, Decoder
from percov2_demo.painters.painter import Card, Knob, Painter, StepCallback, check_batch, check_sigma
from percov2_demo.presets import get_preset
from percov2_demo.sampling.hold import held
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import SCALES, Sampling


MAX_STEPS = 100


class ScaleCodec(Decoder, Protocol):
    """What the painter takes of the codec."""

    scale_model: ScaleModel

    @property
    def presets(self) -> tuple[str, ...]: ...

    def tokenize(self, captions: Sequence[str]) -> Tensor: ...

    def estimate(self, indices: NDArray[np.int64], preset: str) -> Tensor: ...

    def decode_latents(self, latents: Tensor) -> list[Image.Image]: ...

    def progress_bar(self, total: int) -> Any: ...


@dataclass(frozen=True)
class ScaleStart:
    """What the pictures of one stream share.

    Args:
        canvas: The stream.
        tokens: `(2, L)`: the empty caption and the caption.
        temperature: Of the draws, a multiple of 1/64.
    """

    canvas: Canvas
    tokens: Tensor
    temperature: float


class ScalePainter(Painter):
    """Draws the indices of the model's finer presets, one preset after the other, and decodes the finest.

    Its noise level is the temperature of the draws: at 0 each is the most likely one, at 1 as the model has it. Steps
    are groups of indices, over all presets.

    Args:
        codec: The codec.
    """

    def __init__(self, codec: ScaleCodec):
        self._codec = codec

    @property
    def card(self) -> Card:
        return Card(
            name=SCALES,
            kind="scale model",
            licence=None,
            parameters=sum(buffer.numel() for buffer in self._codec.scale_model.buffers()),
            steps=Knob(12, 1, MAX_STEPS),
            guidance=Knob(1.0, 0.0, 100.0),
            sigma=Knob(0.5, 0.0, 1.0),
            holds=True,
            fast=False,
        )

    @torch.inference_mode()
    def start(self, canvas: Canvas, sigma: float, caption: str | None = None) -> ScaleStart:
        check_sigma(sigma)
        caption = canvas.caption if caption is None else caption
        encode_utf8(caption)
        if canvas.stream.is_refined:
            raise InputError("a refined file says more than drawn indices would: choose another painter")
        temperature = round(sigma * TEMPERATURE_UNIT) / TEMPERATURE_UNIT
        return ScaleStart(canvas, self._codec.tokenize(["", caption]), temperature)

    @torch.inference_mode()
    def paint(
        self,
        start: ScaleStart,
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        generator: torch.Generator | None = None,
    ) -> list[Image.Image]:
        for sampling in samplings:
            self.check_sampling(sampling)
        common = check_batch(samplings)
        if fast:
            raise InputError("this painter has no fast mode: paint without it")
        if generator is not None:
            raise InputError("this painter draws the same on every machine from a seed: give that, not a generator")
        known = latents = self._estimate(start.canvas)
        drawings = [self._draw(start, sampling) for sampling in samplings]
        with self._codec.working(), self._codec.progress_bar(total=common.steps) as progress:
            for step, drawn in enumerate(_watched(drawings, interrupt)):
                expected = torch.cat([self._codec.estimate(indices, preset) for preset, indices in drawn])
                latents = held(expected, known, start.canvas.grid, common.hold)
                if callback_on_step_end is not None:
                    tensors = {"latents": latents, "expected_latents": latents}
                    callback_on_step_end(self, step, start.temperature, tensors)
                progress.update()
            return self._codec.decode_latents(latents.expand(len(samplings), -1, -1, -1))

    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        return self._codec.decode_latents(latents)

    def _estimate(self, canvas: Canvas) -> Tensor:
        """Return the latent that a stream leads to, which a codec with a scale model has."""
        assert canvas.known is not None
        return canvas.known

    def _draw(self, start: ScaleStart, sampling: Sampling) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Yield the finest map so far, with its preset's name, after each group of indices."""
        stream, model = start.canvas.stream, self._codec.scale_model
        drawer = ScaleDrawer(model, start.tokens, sampling.guidance, start.temperature, sampling.seed)
        coarser = {stream.preset: stream.indices}
        finer = self._codec.presets[self._codec.presets.index(stream.preset) + 1 :]
        for preset, steps in zip(finer, _shares(sampling.steps, len(finer)), strict=True):
            grid = get_preset(preset).grid(stream.width, stream.height)
            for indices in drawer.draw(preset, grid, coarser, steps):
                yield preset, indices
            coarser[preset] = indices


def _shares(steps: int, count: int) -> list[int]:
    """Share steps out among presets, a finer one getting twice those of the one before, each at least one."""
    parts = 2**count - 1
    shares = [max(1, steps * 2**level // parts) for level in range(count)]
    if count:
        shares[-1] = max(1, steps - sum(shares[:-1]))
    return shares


def _watched(
    drawings: Sequence[Iterator[tuple[str, NDArray[np.int64]]]], interrupt: Callable[[], bool] | None
) -> Iterator[tuple[tuple[str, NDArray[np.int64]], ...]]:
    """Step through drawings side by side.

    Raises:
        Interrupted: `interrupt` returned True before a step.
    """
    for drawn in zip(*drawings, strict=True):
        yield drawn
        if interrupt is not None and interrupt():
            raise Interrupted("decoding was stopped")
