"""The hyper-codec by regression to the latent, then the flow transformer on its condition."""

import torch
import torch.nn.functional as F
from diffusers import SD3Transformer2DModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from percov2_demo.models.hyper_codec import Condition, HyperCodec
from percov2_demo.models.text_encoders import encode_clip
from percov2_demo.sampling.interpolant import PredictionType, expected_latent, noisy_latent
from percov2_demo.training.data.determinism import Draws


class HyperObjective(nn.Module):
    """Squared error of the hyper-decoders' estimates; the batch is shared out among the presets."""

    def __init__(self, hyper_codec: HyperCodec):
        super().__init__()
        self.hyper_codec = hyper_codec

    def forward(self, latents: Tensor) -> dict[str, Tensor]:
        """Compute losses on scaled latents `(B, C, H, W)`; B is at least the number of presets."""
        losses = {}
        presets = self.hyper_codec.config.presets
        for preset, part in zip(presets, latents.tensor_split(len(presets)), strict=True):
            condition, _ = self.hyper_codec(part, preset)
            losses[preset] = F.mse_loss(condition.estimate.float(), part)
        return {"loss": sum(losses.values()), **losses}


class FlowObjective(nn.Module):
    """Conditional flow matching on all presets at once, on the condition of a hyper-codec that stays as it is.

    Args:
        transformer: The flow transformer.
        text_encoder: CLIP text encoder with projection.
        hyper_codec: Trained before; with hyper-decoders.
        prediction_type: What the transformer's output means.
        sigma_location: Mean of the logit of the noise levels, which are logit-normal (Esser et al., section 3.1).
        sigma_scale: Its standard deviation.
        weight_cap: Largest weight of a squared latent error; without it the weight is that of the velocity error,
            `1 / sigma**2`.
    """

    def __init__(
        self,
        transformer: SD3Transformer2DModel,
        text_encoder: PreTrainedModel,
        hyper_codec: HyperCodec,
        prediction_type: PredictionType,
        sigma_location: float = 0.0,
        sigma_scale: float = 1.0,
        weight_cap: float = 8.0,
    ):
        super().__init__()
        self.transformer, self.text_encoder, self.hyper_codec = transformer, text_encoder, hyper_codec
        self.prediction_type = prediction_type
        self.sigma_location, self.sigma_scale, self.weight_cap = sigma_location, sigma_scale, weight_cap
        hyper_codec.requires_grad_(False)

    def forward(self, latents: Tensor, sources: Tensor, input_ids: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Compute losses on scaled latents `(B, C, H, W)`, those whose indices are sent, and tokens `(B, L)`.

        Beside the loss stands the gain, the share of the estimate's squared error that the transformer removes.
        """
        condition = self.condition(sources)
        loss, error = self.match(latents, condition, input_ids, draws)
        with torch.no_grad():
            gain = 1 - error / (condition.estimate - latents).square().mean()
        return {"loss": loss, "gain": gain}

    def match(self, latents: Tensor, condition: Condition, input_ids: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Compute the loss of flow matching, and the mean squared error that it weighs by noise level.

        Args:
            latents: Scaled latents `(B, C, H, W)`.
            condition: What the indices say of them.
            input_ids: Tokens of their captions, `(B, L)`.
            draws: Random numbers.
        """
        sigma = self.noise_levels(latents, draws)
        noisy = noisy_latent(latents, draws.normal(latents.shape, latents.device), sigma)
        error = (self.expected(noisy, sigma, condition, input_ids) - latents).square()
        return (self.weight(sigma) * error).mean(), error.detach().mean()

    def expected(self, noisy: Tensor, sigma: Tensor, condition: Condition, input_ids: Tensor) -> Tensor:
        """Return the latent `(B, C, H, W)` that the transformer expects behind a noisy one."""
        text = encode_clip([input_ids], [self.text_encoder], self.transformer.config.joint_attention_dim)
        prediction = self.transformer(
            hidden_states=torch.cat([noisy, condition.channels], dim=1),
            timestep=1000 * sigma.flatten(),
            encoder_hidden_states=text.tokens,
            pooled_projections=text.pooled,
            return_dict=False,
        )[0].float()
        return expected_latent(prediction, noisy, condition.estimate, sigma, self.prediction_type)

    def condition(self, latents: Tensor) -> Condition:
        """Compute the condition of scaled latents `(B, C, H, W)`, shared out among the presets in their order.

        Gradients reach the hyper-decoders where those are trained.
        """
        presets = self.hyper_codec.config.presets
        conditions = []
        for preset, part in zip(presets, latents.tensor_split(len(presets)), strict=True):
            conditions.append(self.hyper_codec.decode(self.hyper_codec.encode(part, preset), preset))
        return Condition(
            torch.cat([condition.channels for condition in conditions]),
            torch.cat([condition.estimate.float() for condition in conditions if condition.estimate is not None]),
        )

    def weight(self, sigma: Tensor) -> Tensor:
        """Weight a squared latent error at a noise level."""
        return (1 / sigma.square()).clamp(max=self.weight_cap)

    def noise_levels(self, latents: Tensor, draws: Draws) -> Tensor:
        """Draw noise levels `(B, 1, 1, 1)` of a batch."""
        logits = self.sigma_location + self.sigma_scale * draws.normal((len(latents), 1, 1, 1), latents.device)
        return logits.sigmoid().clamp(min=0.01)


def starting_levels(chance: Tensor, level: Tensor, noise_share: float) -> Tensor:
    """Return the noise levels at which own paths start: pure noise for a share of the samples, else 0.1 to 1.

    Args:
        chance: Uniform numbers in [0, 1) that choose the share.
        level: Others, of the same shape, that choose the levels of the rest.
        noise_share: The share.
    """
    return torch.where(chance < noise_share, 1.0, 0.1 + 0.9 * level)
