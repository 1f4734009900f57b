"""All of a model's presets in one component: hyper-encoders, quantisers and, where configured, hyper-decoders."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor, nn

from percov2_demo.models.hyper_decoder import HyperDecoder
from percov2_demo.models.hyper_encoder import HyperEncoder
from percov2_demo.models.quantized import quantize_convolutions, restore_convolutions
from percov2_demo.models.quantizer import VectorQuantizer
from percov2_demo.presets import get_preset


@dataclass(frozen=True)
class Condition:
    """What the decoder knows of the latent from the indices.

    Args:
        channels: `(B, condition_channels, H, W)`, concatenated to the noisy latent.
        estimate: `(B, latent_channels, H, W)`, the expected latent; None in a model without hyper-decoder.
    """

    channels: Tensor
    estimate: Tensor | None


class HyperCodec(ModelMixin, ConfigMixin):
    """Latents to indices and indices to the flow transformer's condition, for every preset of a model.

    Args:
        presets: Names of the presets the model serves.
        latent_channels: Channels of the autoencoder's latent.
        latent_stride: Pixels per latent position along each side.
        encoder_width: Channels inside the hyper-encoders (192 in PerCo).
        channels: Channels of `z_hat` (320 in PerCo).
        code_channels: Length of a code (32 in PerCo).
        decoder_width: Channels inside the hyper-decoders; 0 for none, as in the paper: the condition then is `z_hat`,
            repeated to latent resolution.
        decoder_blocks: Residual blocks of a hyper-decoder at the resolution of the grid.
        feature_channels: Channels that a hyper-decoder gives the flow transformer beside its estimate.
        integer_weights: Hyper-encoders and hyper-decoders have weights of 8 bits, as `quantize_weights` leaves them;
            such weights are not trained.
    """

    @register_to_config
    def __init__(
        self,
        presets: tuple[str, ...] = ("ultra-low", "low", "extreme-low"),
        latent_channels: int = 16,
        latent_stride: int = 8,
        encoder_width: int = 192,
        channels: int = 320,
        code_channels: int = 32,
        decoder_width: int = 0,
        decoder_blocks: int = 3,
        feature_channels: int = 16,
        integer_weights: bool = False,
    ):
        super().__init__()
        self.encoders, self.quantizers, self.decoders = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        for name in presets:
            preset = get_preset(name)
            stride = preset.stride // latent_stride
            self.encoders[name] = HyperEncoder(stride, latent_channels, encoder_width, channels)
            self.quantizers[name] = VectorQuantizer(channels, preset.codebook_size, code_channels)
            if decoder_width:
                self.decoders[name] = HyperDecoder(
                    stride, channels, latent_channels, feature_channels, decoder_width, decoder_blocks
                )
        if integer_weights:
            self.quantize_weights()

    def quantize_weights(self) -> None:
        """Round the weights of hyper-encoders and hyper-decoders to 8 bits, where they are not integers already.

        The quantisers keep theirs, on which the choice of an index hangs directly.
        """
        for networks in (self.encoders, self.decoders):
            quantize_convolutions(networks)
        self.register_to_config(integer_weights=True)

    def train_decoders(self) -> None:
        """Make the hyper-decoders alone trainable, so that latents keep their indices.

        Their weights are real numbers until `quantize_weights` rounds them again.
        """
        restore_convolutions(self.decoders)
        self.requires_grad_(False)
        self.decoders.requires_grad_(True)

    @property
    def condition_channels(self) -> int:
        """Input channels that the flow transformer has beside the noisy latent."""
        if self.config.decoder_width:
            return self.config.latent_channels + self.config.feature_channels
        return self.config.channels

    @apply_forward_hook
    def encode(self, latents: Tensor, preset: str) -> Tensor:
        """Encode scaled latents `(B, latent_channels, H, W)` to indices `(B, rows, columns)`."""
        return self.quantizers[preset].encode(self.encoders[preset](latents))

    @apply_forward_hook
    def decode(self, indices: Tensor, preset: str) -> Condition:
        """Decode indices `(B, rows, columns)` to the condition at latent resolution."""
        return self.condition(self.quantizers[preset].decode(indices), preset)

    def condition(self, z_hat: Tensor, preset: str) -> Condition:
        """Build the condition at latent resolution from `z_hat`, `(B, channels, rows, columns)`."""
        if preset in self.decoders:
            estimate, features = self.decoders[preset](z_hat)
            return Condition(torch.cat([estimate, features], dim=1), estimate)
        stride = get_preset(preset).stride // self.config.latent_stride
        return Condition(F.interpolate(z_hat, scale_factor=stride, mode="nearest"), None)

    def forward(self, latents: Tensor, preset: str) -> tuple[Condition, Tensor]:
        """Return `(condition, indices)` with gradients through the quantiser, for training."""
        z_hat, indices = self.quantizers[preset](self.encoders[preset](latents))
        return self.condition(z_hat, preset), indices
