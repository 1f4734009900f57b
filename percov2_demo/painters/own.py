"""A codec's own network as a painter: the flow transformer of PerCoV2, the U-Net of PerCo (SD)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.captions import encode_utf8
from percov2_demo.errors import InputError
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.painters.canvas import Canvas, Decoder
from percov2_demo.painters.painter import Card, Knob, Painter, StepCallback, check_batch, check_sigma, make_generators
from percov2_demo.sampling.sampler import Sampler, Start
from percov2_demo.sampling.settings import OWN, Sampling


class OwnCodec(Decoder, Protocol):
    """What a codec's own painter takes of the codec."""

    painter: str
    default_steps: int
    max_steps: int
    has_fast: bool
    networks: dict[str, torch.nn.Module]

    @property
    def default_guidance(self) -> float: ...

    @property
    def has_estimate(self) -> bool: ...

    def default_strength(self, preset: str) -> float: ...

    def stream_strength(self, stream: Bitstream) -> float: ...

    def encode_captions(self, captions: Sequence[str]) -> TextCondition: ...

    def make_sampler(self) -> Sampler: ...

    def make_noise(self, condition: Condition, generators: Sequence[torch.Generator]) -> Tensor: ...

    def decode_latents(self, latents: Tensor) -> list[Image.Image]: ...

    def progress_bar(self, total: int) -> Any: ...


class OwnPainter(Painter):
    """Samples in the codec's own latents, with the indices' condition beside the noise.

    Args:
        codec: The codec.
    """

    def __init__(self, codec: OwnCodec):
        self._codec = codec

    @property
    def card(self) -> Card:
        codec = self._codec
        return Card(
            name=OWN,
            kind=codec.painter,
            licence=None,
            parameters=sum(part.numel() for network in codec.networks.values() for part in network.parameters()),
            steps=Knob(codec.default_steps, 1, codec.max_steps),
            guidance=Knob(codec.default_guidance, 0.0, 100.0),
            sigma=Knob(1.0, 0.0 if codec.has_estimate else 1.0, 1.0),
            holds=codec.has_estimate,
            fast=codec.has_fast,
        )

    def default_sigma(self, preset: str) -> float:
        return self._codec.default_strength(preset)

    def stream_sigma(self, stream: Bitstream) -> float:
        """Return the noise level of a stream: 0 where it is refined."""
        return self._codec.stream_strength(stream)

    @torch.inference_mode()
    def start(self, canvas: Canvas, sigma: float, caption: str | None = None) -> Start:
        check_sigma(sigma)
        caption = canvas.caption if caption is None else caption
        encode_utf8(caption)
        with self._codec.working():
            # In the order of `model_cpu_offload_seq`: each part sends the one before it back to main memory.
            text = self._codec.encode_captions(["", caption] if caption else [""]) if sigma > 0 else None
            condition, known = canvas.condition, canvas.known
        return Start(condition, text, sigma, known, canvas.grid)

    @torch.inference_mode()
    def paint(
        self,
        start: Start,
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        generator: torch.Generator | None = None,
    ) -> list[Image.Image]:
        """Paint as `Painter.paint`; of a start that painted before, the first step is not run again.

        The step callback is told of the codec in the painter's place.
        """
        for sampling in samplings:
            self.check_sampling(sampling)
        common = check_batch(samplings)
        if fast and not self._codec.has_fast:
            raise InputError("this model has no fast mode: paint without it")
        generators = make_generators(samplings, generator)
        if generator is not None:
            # The stored first step was painted from the seed's noise.
            start = replace(start, first={})
        sampler = self._codec.make_sampler()

        with self._codec.working(), self._codec.progress_bar(total=common.steps) as progress:

            def report(step: int, sigma: float, tensors: dict[str, Tensor]) -> Tensor:
                latents = tensors["latents"]
                if callback_on_step_end is not None:
                    latents = (callback_on_step_end(self._codec, step, sigma, tensors) or {}).get("latents", latents)
                progress.update()
                return latents

            noise = self._codec.make_noise(start.condition, generators)
            latents = sampler.sample(start, noise, samplings, fast, report, interrupt)
            return self._codec.decode_latents(latents)

    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        return self._codec.decode_latents(latents)
