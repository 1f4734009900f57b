"""PerCo (SD)'s sampler: DDIM (Song et al., arXiv 2010.02502) without added noise."""

import torch
from torch import Tensor

from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.sampling.sampler import Sampler


class DDIMSampler(Sampler):
    """Samples with a U-Net from pure noise; the U-Net reads the text's tokens alone."""

    def _set_timesteps(self, steps: int, strength: float, device: torch.device) -> None:
        self._scheduler.set_timesteps(steps, device=device)

    def _noise_level(self, step: int) -> Tensor:
        return (1 - self._scheduler.alphas_cumprod[self._scheduler.timesteps[step]]) ** 0.5

    def _call(self, noisy: Tensor, timestep: Tensor, text: TextCondition) -> Tensor:
        return self._network(noisy, timestep, encoder_hidden_states=text.tokens, return_dict=False)[0]

    def _advance(
        self, step: int, latents: Tensor, prediction: Tensor, estimate: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        output = self._scheduler.step(prediction, self._scheduler.timesteps[step], latents)
        return output.prev_sample, output.pred_original_sample
