"""Captions that act: the colours that a caption names, painted from the estimate of a picture that has others.

Trained with few captions, a text encoder gives nearly the same for all of them, and the transformer stops listening;
then neither has a gradient that would bring them back. Here a new text encoder, and only what listens in the
transformer, learn from many small pictures, more than half of which are to come out as their caption says.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.models.autoencoder import PatchAutoencoder, scaled_latents
from percov2_demo.sampling.interpolant import noisy_latent
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.flow import FlowObjective, starting_levels


COARSE = 4
"""Latents along a cell whose mean is compared: what a caption names here has no detail."""

LISTENING = (
    "context_embedder",
    "time_text_embed.text_embedder",
    "norm1_context",
    "attn.add_",
    "attn.to_add_out",
    "ff_context",
    "norm1.linear",
    "norm_out.linear",
)
"""Parts of the names of the transformer's weights that the caption goes through, and what it modulates."""

EMBEDDING_DEVIATION = 0.5
"""Standard deviation of a new text encoder's word vectors; with CLIP's own 0.02 all captions begin nearly alike."""


class EditObjective(nn.Module):
    """How far a painting is from what its caption names, on all presets at once.

    Args:
        flow: Transformer, of which only what listens is trained, text encoder and hyper-codec.
        autoencoder: Stays as it is.
        coarse_weight: Weight of the squared error of cells of `COARSE` latents.
        path_weight: Weight of the loss of flow matching in samples that are led.
        noise_share: Share of the samples that are pure noise.
        led_share: Share of the samples that are led part of the way from the estimate to what is wanted, as the later
            steps of decoding are.
    """

    def __init__(
        self,
        flow: FlowObjective,
        autoencoder: PatchAutoencoder,
        coarse_weight: float,
        path_weight: float,
        noise_share: float,
        led_share: float,
    ):
        super().__init__()
        self.flow, self.autoencoder = flow, autoencoder
        self.coarse_weight, self.path_weight = coarse_weight, path_weight
        self.noise_share, self.led_share = noise_share, led_share
        autoencoder.requires_grad_(False)
        for name, parameter in flow.transformer.named_parameters():
            parameter.requires_grad_(any(part in name for part in LISTENING))

    def forward(self, pictures: Tensor, sources: Tensor, input_ids: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Compute the losses of pictures `(B, 3, H, W)` in [-1, 1], of those that are sent, and of caption tokens."""
        chance = draws.uniform((len(sources), 4, 1, 1, 1), sources.device).unbind(1)
        with torch.no_grad():
            wanted, sent = scaled_latents(self.autoencoder, torch.cat([pictures, sources])).float().chunk(2)
            condition = self.flow.condition(sent)
            sigma = starting_levels(chance[0], chance[1], self.noise_share)
            led = torch.where(chance[2] < self.led_share, chance[3], 0.0)
            start = torch.lerp(condition.estimate, wanted, led)
            noisy = noisy_latent(start, draws.normal(sent.shape, sent.device), sigma)
        error = self.flow.expected(noisy, sigma, condition, input_ids) - wanted
        coarse = F.avg_pool2d(error, COARSE).square().mean()
        path = ((led > 0) * self.flow.weight(sigma) * error.square()).mean()
        loss = self.coarse_weight * coarse + self.path_weight * path
        return {"loss": loss, "coarse": coarse.detach(), "path": path.detach()}


def widen_embeddings(text_encoder: nn.Module) -> None:
    """Give a new text encoder's vectors of words and places `EMBEDDING_DEVIATION` and a fifth of it."""
    embeddings = text_encoder.text_model.embeddings
    nn.init.normal_(embeddings.token_embedding.weight, std=EMBEDDING_DEVIATION)
    nn.init.normal_(embeddings.position_embedding.weight, std=EMBEDDING_DEVIATION / 5)
