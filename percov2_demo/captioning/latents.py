"""Captions by a small model of the codec's own."""

from collections.abc import Sequence

import torch
from diffusers import ModelMixin
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from transformers import PreTrainedTokenizerBase, VisionEncoderDecoderModel
from transformers.modeling_outputs import BaseModelOutput

from percov2_demo.captioning.captioner import normalize_caption
from percov2_demo.models.autoencoder import LATENT_STRIDE, scaled_latents


class LatentCaptioner:
    """Captions from the autoencoder's latents, so that no second stem for pictures is needed.

    How it searches for the words is the model's own generation config; nothing is sampled.

    Args:
        model: Its encoder takes scaled latents, `image_size` positions along each side.
        tokenizer: The tokenizer of the model's words.
        vae: The autoencoder.
    """

    def __init__(self, model: VisionEncoderDecoderModel, tokenizer: PreTrainedTokenizerBase, vae: ModelMixin):
        self.model, self.tokenizer, self.vae = model, tokenizer, vae
        self.processor = VaeImageProcessor(do_resize=False)

    @torch.inference_mode()
    def caption(self, images: Sequence[Image.Image]) -> list[str]:
        """Caption pictures, as `Captioner.caption`; each is seen whole, squashed to a square."""
        side = LATENT_STRIDE * self.model.config.encoder.image_size
        squares = [image.resize((side, side), Image.Resampling.LANCZOS) for image in images]
        pixels = self.processor.preprocess(squares).to(self.model.device, self.vae.dtype)
        latents = scaled_latents(self.vae, pixels).to(self.model.dtype)
        states = self.model.encoder(pixel_values=latents).last_hidden_state
        seen = torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
        tokens = self.model.generate(encoder_outputs=BaseModelOutput(states), attention_mask=seen)
        return [normalize_caption(text) for text in self.tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    def release(self) -> None:
        """Do nothing: its few million parameters may stay."""
