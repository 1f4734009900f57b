"""FLUX.1 and FLUX.2-klein: rectified flow on latents that are packed two by two."""

from typing import Any

import torch
from torch import Tensor

from percov2_demo.errors import ModelError
from percov2_demo.painters.painter import Knob
from percov2_demo.painters.stock.flow import FlowModel


class Flux(FlowModel):
    """FLUX.1: dev, whose guidance is an input of the network, and schnell, which has none."""

    words = "FLUX.1"
    tiny_autoencoder = "madebyollin/taef1"

    @property
    def guidance(self) -> Knob | None:
        return Knob(3.5, 1.0, 15.0) if self.network.config.guidance_embeds else None

    @property
    def steps(self) -> int:
        return 28 if self.network.config.guidance_embeds else 4

    def pack(self, latents: Tensor) -> Tensor:
        return self.pipeline._pack_latents(latents, *latents.shape)

    def unpack(self, latents: Tensor, shape: torch.Size) -> Tensor:
        height, width = (side * self.stride for side in shape[-2:])
        return self.pipeline._unpack_latents(latents, height, width, self.stride)


class Flux2Klein(FlowModel):
    """FLUX.2-klein, distilled or base.

    Its pipeline puts a picture beside the noise as a reference and refuses a strength, so it is given noisy latents in
    the space in which it paints: patches of two by two, normalised by the autoencoder's batch statistics.
    """

    words = "FLUX.2-klein"

    def __init__(self, pipeline: Any):
        super().__init__(pipeline)
        if not hasattr(pipeline.vae, "bn"):
            raise ModelError("a FLUX.2 model paints in its own autoencoder's latents: leave the tiny autoencoder out")
        # A position of its latents is a patch already.
        self.stride *= self.patch

    @property
    def multiple(self) -> int:
        return self.stride

    @property
    def guidance(self) -> Knob | None:
        return None if self.pipeline.config.is_distilled else Knob(4.0, 1.0, 15.0)

    @property
    def steps(self) -> int:
        return 4 if self.pipeline.config.is_distilled else 50

    def encode(self, pixels: Tensor) -> Tensor:
        return self.pipeline._encode_vae_image(pixels, None)

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.pipeline.vae
        mean, variance = vae.bn.running_mean.view(1, -1, 1, 1), vae.bn.running_var.view(1, -1, 1, 1)
        raw = latents * (variance + vae.config.batch_norm_eps).sqrt().to(latents) + mean.to(latents)
        return vae.decode(self.pipeline._unpatchify_latents(raw).to(vae.dtype), return_dict=False)[0]

    def unpack(self, latents: Tensor, shape: torch.Size) -> Tensor:
        return latents.transpose(1, 2).reshape(shape)

    def repack(self, latents: Tensor) -> Tensor:
        return latents.flatten(2).transpose(1, 2)

    def call_options(self, guidance: float) -> dict[str, Any]:
        return {} if self.guidance is None else {"guidance_scale": guidance}
