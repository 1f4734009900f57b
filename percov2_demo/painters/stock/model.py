"""What a kind of stock model adds to its pipeline: latents to pictures and back, and how the pipeline is called."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.painters.painter import Knob
from percov2_demo.painters.stock.scripted import ScriptedScheduler


class StockModel(ABC):
    """A pipeline of diffusers with a scheduler that follows a script.

    Args:
        pipeline: The pipeline.
    """

    words: ClassVar[str]
    """What the kind is called."""

    load_options: ClassVar[dict[str, Any]] = {}
    """Arguments of the pipeline's `from_pretrained`: parts that are not needed are None."""

    tiny_autoencoder: ClassVar[str | None] = None
    """Repository of a small autoencoder with the same latents."""

    patch: ClassVar[int] = 1
    """Latent positions along each side that the network takes together."""

    network_name: ClassVar[str] = "transformer"

    float32_latents: ClassVar[bool] = False
    """Whether the pipeline keeps its latents in single precision whatever its network computes in."""

    def __init__(self, pipeline: DiffusionPipeline):
        self.pipeline = pipeline
        self.stride: int = pipeline.vae_scale_factor
        self._plain_scheduler = pipeline.scheduler
        self.scheduler = self.make_scheduler()
        pipeline.scheduler = self.scheduler

    @abstractmethod
    def make_scheduler(self) -> ScriptedScheduler:
        """Make the scheduler that the pipeline is given in place of its own."""

    @property
    @abstractmethod
    def guidance(self) -> Knob | None:
        """The guidance scale; None in models that have none."""

    @property
    def steps(self) -> int:
        """Usual number of steps."""
        return 28

    @property
    def native_side(self) -> int:
        """Side in pixels of the smallest square pictures that the model was trained on; 0 where any will do."""
        return 0

    @property
    def multiple(self) -> int:
        """What sides in pixels must be multiples of."""
        return self.stride * self.patch

    @property
    def network(self) -> torch.nn.Module:
        """The network that predicts."""
        return getattr(self.pipeline, self.network_name)

    @contextmanager
    def unscripted(self) -> Iterator[DiffusionPipeline]:
        """While it lasts, the pipeline has its own scheduler and is as diffusers made it."""
        self.pipeline.scheduler = self._plain_scheduler
        try:
            yield self.pipeline
        finally:
            self.pipeline.scheduler = self.scheduler

    def encode(self, pixels: Tensor) -> Tensor:
        """Return scaled latents `(B, C, H, W)`, never sampled, of pictures `(B, 3, H, W)` in [-1, 1]."""
        return scaled_latents(self.pipeline.vae, pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures, nominally in [-1, 1], of scaled latents."""
        config = self.pipeline.vae.config
        raw = latents / config.scaling_factor + (config.get("shift_factor") or 0.0)
        # Convolutions go on in the order of memory that they are given, and this one is a quarter faster.
        raw = raw.to(self.pipeline.vae.dtype, memory_format=torch.channels_last)
        return self.pipeline.vae.decode(raw, return_dict=False)[0]

    def pack(self, latents: Tensor) -> Tensor:
        """Arrange latents `(B, C, H, W)` as the pipeline takes them."""
        return latents

    def unpack(self, latents: Tensor, shape: torch.Size) -> Tensor:
        """Arrange latents, as the scheduler sees them, as `(B, C, H, W)`.

        Args:
            latents: The latents.
            shape: Their shape as `(B, C, H, W)`.
        """
        return latents.reshape(shape)

    def repack(self, latents: Tensor) -> Tensor:
        """Undo `unpack`."""
        return self.pack(latents)

    def call_options(self, guidance: float) -> dict[str, Any]:
        """Return the pipeline's arguments for a guidance scale, and what else the kind needs."""
        return {"guidance_scale": guidance}

    def run(
        self, captions: list[str], latents: Tensor, guidance: float, generators: list[torch.Generator], steps: int
    ) -> None:
        """Run the pipeline from noisy latents; what comes of it the script's watch is told.

        Args:
            captions: One for each picture; empty for none.
            latents: Noisy latents `(B, C, H, W)`, in the scheduler's scale.
            guidance: Guidance scale.
            generators: Sources of the noise that some schedulers add in each step, one for each picture.
            steps: Steps of the script.
        """
        height, width = (side * self.stride for side in latents.shape[-2:])
        dtype = torch.float32 if self.float32_latents else self.network.dtype
        self.pipeline(
            prompt=captions,
            width=width,
            height=height,
            latents=self.pack(latents).to(dtype),
            num_inference_steps=steps,
            generator=generators,
            output_type="latent",
            return_dict=False,
            **self.call_options(guidance),
        )
