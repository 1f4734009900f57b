"""The painter in pixels: hyper-decoders, flow transformer and decoder trained on what the sampler itself gives.

A flow that is fitted to latents alone never sees its own samples, and its errors come out of the decoder as tiles.
Here the transformer follows its own path for some steps without gradients, from the estimate or from pure noise, as
decoding does; the step after that is decoded, and the picture is judged: by features of a pretrained network, by
fidelity at low resolution, and by whether the decoder's grid shows. Some steps decode the estimates alone, without the
transformer, which is several times as fast; some of their samples are led part of the way to the photo's own latents,
as refined files are. The other steps also hold the transformer to the photo's own path, in latents, as flow matching
does: its own path tells it nothing new, and it would forget what a noisy latent tells of a photo, which is all that
refined files are made of.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.models.autoencoder import PatchAutoencoder, scaled_latents
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.sampling.interpolant import noisy_latent, velocity
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.flow import FlowObjective, starting_levels
from percov2_demo.training.objectives.grid import grid_pattern


COARSE = 8
"""Pixels along a cell whose mean colour is compared."""


class _Decoded(NamedTuple):
    """What is decoded.

    Args:
        latents: Latents that are decoded.
        led: How far each sample was led to the latents of the picture that is wanted, from 0 to 1, `(B, 1, 1, 1)`.
        latent: Mean squared error of latents, of estimates; 0 in other steps.
        path: Loss on the photo's own path; 0 in steps on estimates.
    """

    latents: Tensor
    led: Tensor
    latent: Tensor
    path: Tensor


class PainterObjective(nn.Module):
    """What decoded predictions look like, on all presets at once.

    Args:
        flow: Transformer, text encoder and the hyper-codec, whose decoders are trained.
        autoencoder: Its decoder is trained, its encoder is frozen.
        deep: Distances `(B,)` of pictures from originals, `DeepFeatureLoss` or its like.
        coarse_weight: Weight of the absolute error of cells of `COARSE` pixels.
        fine_weight: Weight of the absolute error of pixels.
        grid_weight: Weight of `grid_pattern`.
        latent_weight: Weight of the squared error of estimated latents.
        estimate_share: Share of the steps that decode the estimates themselves, as strength 0 does; where it is 0,
            what decodes stays as it is, and only transformer and text encoder are trained.
        led_share: Share of these steps' samples that are led part of the way to the photo's own latents.
        led_weight: Weight of the absolute error of a pixel in a sample that is led all the way.
        path_weight: Weight of the other steps' loss of flow matching, on the photo's own path.
        noise_share: Share of the own paths that start from pure noise.
        dropped_share: Share of the other steps' samples without indices, where the caption alone tells.
        steps: Numbers of steps that own paths are divided into.
    """

    def __init__(
        self,
        flow: FlowObjective,
        autoencoder: PatchAutoencoder,
        deep: Callable[[Tensor, Tensor], Tensor],
        coarse_weight: float,
        fine_weight: float,
        grid_weight: float,
        latent_weight: float,
        estimate_share: float,
        led_share: float,
        led_weight: float,
        path_weight: float,
        noise_share: float,
        dropped_share: float,
        steps: tuple[int, ...],
    ):
        super().__init__()
        self.flow, self.autoencoder, self.deep = flow, autoencoder, deep
        self.coarse_weight, self.fine_weight = coarse_weight, fine_weight
        self.grid_weight, self.latent_weight = grid_weight, latent_weight
        self.estimate_share, self.path_weight = estimate_share, path_weight
        self.led_share, self.led_weight = led_share, led_weight
        self.noise_share, self.dropped_share, self.steps = noise_share, dropped_share, steps
        autoencoder.freeze_encoder()
        if estimate_share:
            flow.hyper_codec.train_decoders()
        else:
            autoencoder.requires_grad_(False)

    def forward(self, pictures: Tensor, sources: Tensor, input_ids: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Compute the losses of pictures `(B, 3, H, W)` in [-1, 1], of those that are sent, and of caption tokens."""
        if torch.rand(()) < self.estimate_share:
            # The estimate depends on what is sent alone, whatever the captions ask for.
            pictures, decoded = sources, self._estimated(sources, draws)
        else:
            decoded = self._painted(pictures, sources, input_ids, draws)
        painted = self._decode(decoded.latents)

        deep = self.deep(painted, pictures)
        error = painted - pictures
        coarse = F.avg_pool2d(error, COARSE).abs().mean()
        fine = error.abs().mean()
        led = (decoded.led * error.abs()).mean()
        grid = grid_pattern(painted, pictures)
        loss = deep.mean() + self.coarse_weight * coarse + self.fine_weight * fine
        loss = loss + self.led_weight * led + self.grid_weight * grid
        loss = loss + self.latent_weight * decoded.latent + self.path_weight * decoded.path
        presets = self.flow.hyper_codec.config.presets
        parts = {
            name: part.mean() for name, part in zip(presets, deep.detach().tensor_split(len(presets)), strict=True)
        }
        terms = {"coarse": coarse, "fine": fine, "led": led, "grid": grid}
        terms |= {"latent": decoded.latent, "path": decoded.path}
        return {"loss": loss, **{name: term.detach() for name, term in terms.items()}, **parts}

    def _estimated(self, pictures: Tensor, draws: Draws) -> _Decoded:
        with torch.no_grad():
            latents = scaled_latents(self.autoencoder, pictures).float()
        chance, far = draws.uniform((len(pictures), 2, 1, 1, 1), pictures.device).unbind(1)
        led = (chance < self.led_share) * far.sqrt()
        estimate = self.flow.condition(latents).estimate
        return _Decoded(torch.lerp(estimate, latents, led), led, F.mse_loss(estimate, latents), torch.zeros(()))

    def _painted(self, pictures: Tensor, sources: Tensor, input_ids: Tensor, draws: Draws) -> _Decoded:
        count, device = len(sources), sources.device
        chance = draws.uniform((count, 3, 1, 1, 1), device).unbind(1)
        dropped = chance[0] < self.dropped_share
        with torch.no_grad():
            wanted, sent = scaled_latents(self.autoencoder, torch.cat([pictures, sources])).float().chunk(2)
            # Estimates are of what is sent; pictures that captions change would spoil them.
            condition = self._condition(sent, dropped)
            noise = draws.normal(sent.shape, device)
            steps = self.steps[int(torch.randint(len(self.steps), ()))]
            done = int(torch.randint(steps, ()))
            start = starting_levels(chance[1], chance[2], self.noise_share)
            noisy = self._followed(condition, noise, start, steps, done, input_ids)
        expected = self.flow.expected(noisy, start * (steps - done) / steps, condition, input_ids)
        zero = torch.zeros(())
        return _Decoded(expected, zero, zero, self.flow.match(wanted, condition, input_ids, draws)[0])

    def _condition(self, latents: Tensor, dropped: Tensor) -> Condition:
        condition = self.flow.condition(latents)
        return Condition(torch.where(dropped, 0.0, condition.channels), torch.where(dropped, 0.0, condition.estimate))

    def _followed(
        self, condition: Condition, noise: Tensor, start: Tensor, steps: int, done: int, input_ids: Tensor
    ) -> Tensor:
        """Return the points that the sampler's own paths reach after `done` of their steps."""
        noisy = noisy_latent(condition.estimate, noise, start)
        for step in range(done):
            sigma, following = (start * (steps - number) / steps for number in (step, step + 1))
            expected = self.flow.expected(noisy, sigma, condition, input_ids)
            noisy = noisy + (following - sigma) * velocity(noisy, expected, sigma)
        return noisy

    def _decode(self, latents: Tensor) -> Tensor:
        config = self.autoencoder.config
        raw = latents / config.scaling_factor + config.shift_factor
        raw = raw.to(memory_format=torch.channels_last)
        return self.autoencoder.decode(raw).sample.float()
