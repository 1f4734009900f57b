"""LPIPS of the picture that a latent decodes to."""

from typing import Any

import torch
from diffusers import ModelMixin
from torch import Tensor

from percov2_demo.errors import InputError, MetricError
from percov2_demo.metrics import load_lpips


class LatentLpips:
    """LPIPS between the pictures of two latents, with gradients to the first.

    Both are decoded, since the autoencoder does not give the photo back as it was: against the photo itself the flow
    would learn to make up for that, as a tint. It is no module, as it has nothing to train, save or share out.

    Args:
        vae: The autoencoder, frozen; from now on its blocks are computed again in the backward pass.

    Raises:
        InputError: The weights of LPIPS are neither here nor reachable.
    """

    def __init__(self, vae: ModelMixin):
        # For the backward pass the decoder keeps more of a picture than the transformer does.
        vae.enable_gradient_checkpointing()
        self.vae = vae
        try:
            self.network = load_lpips(vae.device).network
        except MetricError as error:
            raise InputError(f"{error}; or train without, with a perceptual_weight of 0") from error

    def __call__(self, expected: Tensor, latents: Tensor) -> Tensor:
        """Compute the distances `(B,)` of the pictures of scaled latents `(B, C, H, W)`."""
        with torch.no_grad():
            original = self._decode(latents)
        return self.network(self._decode(expected), original).flatten()

    def __deepcopy__(self, copied: dict[int, Any]) -> "LatentLpips":
        """Return this itself: copies of an objective differ in what is trained alone."""
        return self

    def _decode(self, latents: Tensor) -> Tensor:
        raw = latents / self.vae.config.scaling_factor + self.vae.config.shift_factor
        return self.vae.decode(raw.to(self.vae.dtype)).sample.float()
