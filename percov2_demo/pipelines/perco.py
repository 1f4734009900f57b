"""PerCo (SD): PerCoV2's predecessor on Stable Diffusion 2.1, behind the same interface.

Körber et al., arXiv 2409.20255, after PerCo (Careil et al., arXiv 2310.10325): a U-Net whose first convolution takes
`z_hat` beside the noisy latent, DDIM, and indices coded uniformly.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, PreTrainedTokenizerBase

from percov2_demo.errors import ModelError
from percov2_demo.images import MAX_FITTED_SIDE
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.text_encoders import TextCondition, tokenize
from percov2_demo.pipelines.base import CodecPipeline
from percov2_demo.sampling.ddim import DDIMSampler


class PerCoPipeline(CodecPipeline):
    """Perceptual image compression with Stable Diffusion 2.1.

    Args:
        vae: Stable Diffusion's autoencoder, 4 latent channels at an eighth of the resolution.
        hyper_codec: Latents to indices and back to `z_hat` at latent resolution; without hyper-decoders.
        unet: The denoising network; its `in_channels` are the latent's plus those of `z_hat`.
        scheduler: The sampler's noise schedule; the network predicts what its `prediction_type` says.
        text_encoder: CLIP text encoder, whose last hidden states the network attends to.
        tokenizer: Its tokenizer.
        identity: Fingerprint of the parameters, kept with saved models; None for one that is not saved yet.
        description: One line on what the model is, shown to users.
    """

    default_steps = 20
    max_steps = 100
    """With more, DDIM's evenly spaced steps may begin far below the noise that sampling starts from."""

    has_fast = False
    painter = "diffusion U-Net"
    model_cpu_offload_seq = "text_encoder->hyper_codec->unet->vae"
    _optional_components: ClassVar[list[str]] = []

    def __init__(
        self,
        vae: AutoencoderKL,
        hyper_codec: HyperCodec,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        text_encoder: CLIPTextModel,
        tokenizer: PreTrainedTokenizerBase,
        identity: str | None = None,
        description: str = "",
    ):
        super().__init__()
        self.register_modules(
            vae=vae,
            hyper_codec=hyper_codec,
            unet=unet,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
        )
        self.register_to_config(identity=identity, description=description)
        self._check_parts()

    def _check_parts(self) -> None:
        """Refuse components that do not fit together."""
        if self.has_estimate:
            raise ModelError("a PerCo model has no hyper-decoders: its U-Net takes z_hat itself")
        expected = self.vae.config.latent_channels + self.hyper_codec.condition_channels
        if self.unet.config.in_channels != expected:
            raise ModelError(
                f"the U-Net takes {self.unet.config.in_channels} input channels, but latent and z_hat have "
                f"{expected} together"
            )
        width = self.text_encoder.config.hidden_size
        if self.unet.config.cross_attention_dim != width:
            raise ModelError(
                f"the U-Net reads text of {self.unet.config.cross_attention_dim} channels, but the text encoder gives "
                f"{width}"
            )

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the U-Net."""
        return self.unet.dtype

    @property
    def max_side(self) -> int:
        """Longest side in pixels of a picture; the U-Net itself has no limit."""
        return MAX_FITTED_SIDE

    @property
    def prediction_type(self) -> str:
        """What the U-Net's output means, in the scheduler's words."""
        return self.scheduler.config.prediction_type

    def encode_captions(self, captions: Sequence[str]) -> TextCondition:
        """Encode captions in the U-Net's precision; the U-Net reads the tokens alone."""
        output = self.text_encoder(tokenize(self.tokenizer, captions).to(self.text_encoder.device))
        device, dtype = self._execution_device, self.dtype
        return TextCondition(output.last_hidden_state.to(device, dtype), output.pooler_output.to(device, dtype))

    def _sampler(self) -> DDIMSampler:
        return DDIMSampler(self.unet, self.scheduler)
