"""A small autoencoder with SD3's latent geometry: 16 channels at an eighth of the picture's resolution.

All heavy layers run at latent resolution, so that a 512x512 picture decodes in well under a second on two CPU
cores. Both halves are a linear projection of 8x8 patches plus a learned residual; the projection starts as the
principal components of photo patches (`set_principal_components`), which is already a 28 dB codec.
"""

import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTinyOutput
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn


LATENT_STRIDE = 8
"""Pixels per latent position along each side, in this autoencoder and in SD3's."""


class ResidualBlock(nn.Module):
    """`x + conv(silu(conv(silu(x))))` with 3x3 kernels; the identity at initialisation."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class PatchAutoencoder(ModelMixin, ConfigMixin):
    """Deterministic autoencoder with the `encode`/`decode` interface of diffusers' `AutoencoderTiny`.

    Args:
        in_channels: Channels of the picture.
        latent_channels: Channels of the latent.
        patch_size: Pixels per latent position along each side; a power of two, at least 4.
        encoder_width: Channels of the encoder's residual blocks.
        encoder_blocks: Number of residual blocks in the encoder.
        decoder_width: Channels of the decoder's residual blocks.
        decoder_blocks: Number of residual blocks in the decoder.
        detail_width: Channels of the decoder's last layers, which run at half the picture's resolution.
        shift_factor: Mean of the raw latents, subtracted before the flow model sees them (as in SD3).
        scaling_factor: Inverse standard deviation of the raw latents, multiplied after the shift (as in SD3).
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        latent_channels: int = 16,
        patch_size: int = 8,
        encoder_width: int = 128,
        encoder_blocks: int = 3,
        decoder_width: int = 160,
        decoder_blocks: int = 4,
        detail_width: int = 24,
        shift_factor: float = 0.0,
        scaling_factor: float = 1.0,
    ):
        super().__init__()
        patch_values = in_channels * patch_size**2
        self.analysis = nn.Conv2d(patch_values, latent_channels, 1)
        self.encoder = nn.Sequential(
            nn.Conv2d(patch_values, encoder_width, 1),
            *(ResidualBlock(encoder_width) for _ in range(encoder_blocks)),
            nn.SiLU(),
            nn.Conv2d(encoder_width, latent_channels, 1),
        )
        self.synthesis = nn.Conv2d(latent_channels, patch_values, 1)
        coarse = patch_size // 2
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, decoder_width, 3, padding=1),
            *(ResidualBlock(decoder_width) for _ in range(decoder_blocks)),
            nn.Conv2d(decoder_width, detail_width * coarse**2, 1),
            nn.PixelShuffle(coarse),
            nn.SiLU(),
            nn.Conv2d(detail_width, detail_width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(detail_width, in_channels * 4, 3, padding=1),
            nn.PixelShuffle(2),
        )
        for last in (self.encoder[-1], self.decoder[-2]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @torch.no_grad()
    def set_principal_components(self, mean: Tensor, components: Tensor) -> None:
        """Set the linear path to the projection on `components` around `mean`.

        Args:
            mean: Mean patch, `(in_channels * patch_size**2,)`, in the order of `pixel_unshuffle`.
            components: Orthonormal rows, `(latent_channels, in_channels * patch_size**2)`.
        """
        self.analysis.weight.copy_(components[:, :, None, None])
        self.analysis.bias.copy_(-components @ mean)
        self.synthesis.weight.copy_(components.T[:, :, None, None])
        self.synthesis.bias.copy_(mean)

    def freeze_encoder(self) -> None:
        """Freeze all but the decoder."""
        self.analysis.requires_grad_(False)
        self.encoder.requires_grad_(False)

    @apply_forward_hook
    def encode(self, x: Tensor) -> AutoencoderTinyOutput:
        """Encode pictures `(B, 3, H, W)` in [-1, 1] to raw latents `(B, latent_channels, H/8, W/8)`."""
        patches = F.pixel_unshuffle(x, self.config.patch_size)
        return AutoencoderTinyOutput(latents=self.analysis(patches) + self.encoder(patches))

    @apply_forward_hook
    def decode(self, latents: Tensor) -> DecoderOutput:
        """Decode raw latents to pictures `(B, 3, H, W)`, nominally in [-1, 1] but not clipped."""
        base = F.pixel_shuffle(self.synthesis(latents), self.config.patch_size)
        return DecoderOutput(sample=base + self.decoder(latents))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x).latents).sample


def scaled_latents(vae: ModelMixin, pixels: Tensor) -> Tensor:
    """Encode pictures `(B, 3, H, W)` in [-1, 1] to latents `(B, C, H/8, W/8)` with the flow model's shift and scale.

    Args:
        vae: A `PatchAutoencoder`, or an `AutoencoderKL`; Stable Diffusion 2's has no shift.
        pixels: The pictures.
    """
    output = vae.encode(pixels)
    # The mode, never a sample: encoding is deterministic.
    raw = output.latent_dist.mode() if hasattr(output, "latent_dist") else output.latents
    return (raw - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor
