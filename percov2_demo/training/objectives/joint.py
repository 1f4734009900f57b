"""The paper's first stage: hyper-codec and flow transformer trained together, on a text-to-image model's weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import SD3Transformer2DModel
from torch import Tensor, nn

from percov2_demo.models.hyper_codec import Condition, HyperCodec
from percov2_demo.sampling.interpolant import noisy_latent
from percov2_demo.training.data.determinism import Draws, Share


PerceptualDistance = Callable[[Tensor, Tensor], Tensor]
"""Distances `(B,)`, with gradients, of expected latents `(B, C, H, W)` from those that should have come out."""


@dataclass(frozen=True)
class JointConfig:
    """How the stage is trained.

    Args:
        trains_codec: Whether the hyper-codec is trained too, or stays as an earlier stage left it.
        t5_dropout: Share of the samples that are without T5's tokens.
        lora_rank: Rank of the transformer's updates; 0 to train all of it.
        gradient_checkpointing: Whether the transformer's layers are computed again in the backward pass.
        objective: Arguments of `JointObjective`.
        loop: Arguments of `LoopConfig`.
    """

    trains_codec: bool
    t5_dropout: float
    lora_rank: int
    gradient_checkpointing: bool
    objective: dict[str, Any]
    loop: dict[str, Any]


class JointObjective(nn.Module):
    """Conditional flow matching on all presets at once (Körber et al., arXiv 2503.09368).

    The batch is shared out among the presets. Noise levels are logit-normal, with the time shift of the scheduler
    that samples (Esser et al., arXiv 2403.03206, sections 3.1 and 5.3.2).

    Args:
        transformer: The flow transformer, its input widened by the condition's channels; it predicts a velocity.
        hyper_codec: The hyper-codec; where its parameters are frozen, so are its codebooks.
        shift: The scheduler's time shift.
        sigma_location: Mean of the logit of the noise levels before the shift.
        sigma_scale: Its standard deviation.
        estimate_weight: Weight of the squared error of the hyper-decoders' estimate, where there are any.
        perceptual: What else the expected latents are judged by; None for nothing.
        perceptual_weight: Its weight.
        perceptual_pictures: How many pictures of each preset in a step's global batch are judged so, the first by
            their numbers, since to decode one with gradients takes gigabytes.
    """

    def __init__(
        self,
        transformer: SD3Transformer2DModel,
        hyper_codec: HyperCodec,
        shift: float,
        sigma_location: float = 0.0,
        sigma_scale: float = 1.0,
        estimate_weight: float = 1.0,
        perceptual: PerceptualDistance | None = None,
        perceptual_weight: float = 0.0,
        perceptual_pictures: int = 8,
    ):
        super().__init__()
        self.transformer, self.hyper_codec, self.shift = transformer, hyper_codec, shift
        self.sigma_location, self.sigma_scale = sigma_location, sigma_scale
        self.estimate_weight = estimate_weight
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.perceptual_pictures = perceptual_pictures
        self.trains_codec = any(parameter.requires_grad for parameter in hyper_codec.parameters())
        hyper_codec.train(self.trains_codec)

    def forward(self, latents: Tensor, tokens: Tensor, pooled: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Compute losses on scaled latents `(B, C, H, W)` and the text condition of their captions.

        `velocity` is the mean squared error of the velocity.
        """
        condition = self.condition(latents)
        sigma = self.noise_levels(latents, draws)
        noise = draws.normal(latents.shape, latents.device)
        noisy = noisy_latent(latents, noise, sigma)
        prediction = self.transformer(
            hidden_states=torch.cat([noisy, condition.channels], dim=1),
            timestep=1000 * sigma.flatten(),
            encoder_hidden_states=tokens,
            pooled_projections=pooled,
            return_dict=False,
        )[0].float()
        velocity = F.mse_loss(prediction, noise - latents)
        losses = {"velocity": velocity}
        loss = velocity
        if condition.estimate is not None:
            losses["estimate"] = F.mse_loss(condition.estimate, latents)
            loss = loss + self.estimate_weight * losses["estimate"]
        if self.perceptual is not None:
            losses["perceptual"] = self._judge(noisy - sigma * prediction, latents, draws.share)
            loss = loss + self.perceptual_weight * losses["perceptual"]
        return {"loss": loss, **losses}

    def condition(self, latents: Tensor) -> Condition:
        """Compute the condition of scaled latents `(B, C, H, W)`, shared out among the presets in their order."""
        presets = self.hyper_codec.config.presets
        parts = latents.tensor_split(len(presets))
        conditions = [self.hyper_codec(part, preset)[0] for preset, part in zip(presets, parts, strict=True)]
        estimates = [condition.estimate.float() for condition in conditions if condition.estimate is not None]
        return Condition(
            torch.cat([condition.channels for condition in conditions]), torch.cat(estimates) if estimates else None
        )

    def _judge(self, expected: Tensor, latents: Tensor, share: Share) -> Tensor:
        """Compute a share's part of the mean distance; the mean over shares is that over judged pictures."""
        parts = torch.arange(len(latents)).tensor_split(len(self.hyper_codec.config.presets))
        # A share has every `count`-th sample of a preset, so that all shares judge as equal numbers as possible.
        limit = len(range(share.number, self.perceptual_pictures, share.count))
        judged = torch.cat([part[:limit] for part in parts])
        if self.perceptual is None or not len(judged):
            return latents.new_zeros(())
        pictures = sum(min(self.perceptual_pictures, share.count * len(part)) for part in parts)
        return self.perceptual(expected[judged], latents[judged]).sum() * share.count / pictures

    def noise_levels(self, latents: Tensor, draws: Draws) -> Tensor:
        """Draw noise levels `(B, 1, 1, 1)` of a batch."""
        logits = self.sigma_location + self.sigma_scale * draws.normal((len(latents), 1, 1, 1), latents.device)
        even = logits.sigmoid()
        return self.shift * even / (1 + (self.shift - 1) * even)
