"""The last stage of the flow: an adversary in latent space, so that few steps from the estimate paint real texture.

A squared error alone leaves the expected latent blurred wherever the noise level is high, and few steps then end in
that blur. As in latent adversarial distillation (LADD, Sauer et al., arXiv 2403.12015), a discriminator judges the
expected latents; real ones are the photos' own, so no teacher is needed. Half of the samples start as decoding does,
from the estimate with noise.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from percov2_demo.sampling.interpolant import noisy_latent
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.flow import FlowObjective


class LatentDiscriminator(nn.Module):
    """Scores of how real a latent looks, given the estimate it was painted from, at two scales.

    Args:
        latent_channels: Channels of the latent.
        width: Channels of the first layers.
    """

    def __init__(self, latent_channels: int = 16, width: int = 64):
        super().__init__()

        def convolutions(*channels: int) -> nn.ModuleList:
            return nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(channels))

        self.fine = convolutions(2 * latent_channels, width, width, width)
        self.coarse = convolutions(4 * width, 2 * width, 2 * width, 2 * width)
        self.fine_score, self.coarse_score = (nn.Conv2d(n * width, 1, 3, padding=1) for n in (1, 2))

    def forward(self, latents: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
        """Score scaled latents `(B, C, H, W)` at their resolution and at half of it."""
        x = torch.cat([latents, estimate], dim=1)
        for layer in self.fine:
            x = F.leaky_relu(layer(x), 0.2)
        fine = self.fine_score(x)
        x = F.pixel_unshuffle(x, 2)
        for layer in self.coarse:
            x = F.leaky_relu(layer(x), 0.2)
        return fine.float(), self.coarse_score(x).float()


class AdversarialObjective(nn.Module):
    """Flow matching with an adversary on the expected latents.

    Args:
        flow: The flow matching objective, trained before.
        discriminator: The adversary, trained beside it.
        realism: Size of the adversary's gradient at the expected latents relative to the squared error's.
        ramp: Steps over which the adversary's weight rises from zero.
        strengths: Range of the noise levels at which samples start from the estimate.
    """

    def __init__(
        self,
        flow: FlowObjective,
        discriminator: LatentDiscriminator,
        realism: float,
        ramp: int,
        strengths: tuple[float, float],
    ):
        super().__init__()
        self.flow, self.discriminator = flow, discriminator
        self.realism, self.ramp, self.strengths = realism, ramp, strengths
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, latents: Tensor, sources: Tensor, input_ids: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Compute losses of `FlowObjective.forward`'s arguments, the discriminator's included."""
        condition = self.flow.condition(sources)
        each = (len(latents), 1, 1, 1)
        is_start = draws.uniform(each, latents.device) < 0.5
        low, high = self.strengths
        strength = low + (high - low) * draws.uniform(each, latents.device)
        sigma = torch.where(is_start, strength, self.flow.noise_levels(latents, draws))
        clean = torch.where(is_start, condition.estimate, latents)
        noisy = noisy_latent(clean, draws.normal(latents.shape, latents.device), sigma)
        expected = self.flow.expected(noisy, sigma, condition, input_ids)

        # Near its start a path holds no more than the estimate: there is no reason to weigh it by its noise level.
        weight = torch.where(is_start, 1.0, self.flow.weight(sigma))
        fidelity = (weight * (expected - latents).square()).mean()
        frozen = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        scores = functional_call(self.discriminator, frozen, (expected, condition.estimate))
        realism = -sum(score.mean() for score in scores)
        self.steps += 1
        share = self.realism * (self.steps / self.ramp).clamp(max=1) * _gradient_ratio(fidelity, realism, expected)

        both = torch.cat([latents, expected.detach()]), condition.estimate.repeat(2, 1, 1, 1)
        judged = [score.chunk(2) for score in self.discriminator(*both)]
        discrimination = sum(F.relu(1 - real).mean() + F.relu(1 + fake).mean() for real, fake in judged) / 2
        return {
            "loss": fidelity + share * realism + discrimination,
            "fidelity": fidelity.detach(),
            "discrimination": discrimination.detach(),
            "start_error": _mean_where(is_start, (expected - latents).square().detach()),
            "estimate_error": (condition.estimate - latents).square().mean(),
        }


def _mean_where(mask: Tensor, values: Tensor) -> Tensor:
    """Average the chosen samples' values; 0 if none is chosen."""
    return (mask * values).mean() * len(mask) / mask.sum().clamp(min=1)


def _gradient_ratio(first: Tensor, second: Tensor, at: Tensor) -> Tensor:
    """Return how much larger one loss's gradient is than the other's (Esser et al., VQGAN, section 3.1)."""
    norms = [torch.autograd.grad(loss, at, retain_graph=True)[0].float().norm() for loss in (first, second)]
    return (norms[0] / norms[1].clamp(min=1e-12)).detach()
