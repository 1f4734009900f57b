"""PerCoV2's sampler: Euler steps along the flow."""

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from torch import Tensor

from percov2_demo.models.hyper_codec import Condition
from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.sampling.interpolant import PredictionType, expected_latent, starting_sigmas, velocity
from percov2_demo.sampling.sampler import Sampler


class FlowSampler(Sampler):
    """Follows the flow; its first prediction is the same whatever the number of steps.

    Args:
        transformer: The flow transformer.
        scheduler: The noise schedule.
        prediction_type: What the transformer's output means, see `interpolant.expected_latent`.
    """

    def __init__(
        self,
        transformer: SD3Transformer2DModel,
        scheduler: FlowMatchEulerDiscreteScheduler,
        prediction_type: PredictionType,
    ):
        super().__init__(transformer, scheduler)
        self._prediction_type = prediction_type

    def expect(self, condition: Condition, text: TextCondition, latents: Tensor, sigma: float) -> Tensor:
        """Return the clean latents that the transformer expects, see `Sampler.expect`."""
        dtype = self._network.dtype
        timestep = torch.tensor([sigma * self._scheduler.config.num_train_timesteps], device=latents.device)
        noisy = torch.cat([latents.to(dtype), condition.channels.to(dtype)], dim=1)
        prediction = self._call(noisy, timestep, text).float()
        return expected_latent(prediction, latents, condition.estimate, sigma, self._prediction_type)

    def _set_timesteps(self, steps: int, strength: float, device: torch.device) -> None:
        sigmas = starting_sigmas(steps, strength, self._scheduler.config.shift)
        self._scheduler.set_timesteps(sigmas=sigmas, device=device)

    def _noise_level(self, step: int) -> Tensor:
        return self._scheduler.sigmas[step]

    def _call(self, noisy: Tensor, timestep: Tensor, text: TextCondition) -> Tensor:
        return self._network(
            hidden_states=noisy,
            timestep=timestep.expand(len(noisy)),
            encoder_hidden_states=text.tokens,
            pooled_projections=text.pooled,
            return_dict=False,
        )[0]

    def _advance(
        self, step: int, latents: Tensor, prediction: Tensor, estimate: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        sigma = self._scheduler.sigmas[step]
        expected = expected_latent(prediction, latents, estimate, sigma, self._prediction_type)
        towards_noise = velocity(latents, expected, sigma)
        moved = self._scheduler.step(towards_noise, self._scheduler.timesteps[step], latents).prev_sample
        return moved, expected
