"""PerCo (SD)'s sampler: DDIM (Song et al., arXiv 2010.02502) without added noise."""

import torch
from torch import Tensor

from percov2_demo.models.hyper_codec import Condition
from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.sampling.sampler import Sampler


class DDIMSampler(Sampler):
    """Samples with a U-Net from pure noise; the U-Net reads the text's tokens alone."""

    def expect(self, condition: Condition, text: TextCondition, latents: Tensor, sigma: float) -> Tensor:
        """Return the clean latents that the U-Net expects at its nearest noise level, see `Sampler.expect`."""
        signal = self._scheduler.alphas_cumprod.sqrt()
        noise = (1 - self._scheduler.alphas_cumprod).sqrt()
        # The share of noise rises with the timestep; that of the variance-preserving path has signal and noise scaled.
        timestep = (noise / (noise + signal) - sigma).abs().argmin()
        a, b = signal[timestep], noise[timestep]
        noisy = latents * (a + b)
        dtype = self._network.dtype
        channels = torch.cat([noisy.to(dtype), condition.channels.to(dtype)], dim=1)
        prediction = self._call(channels, timestep.to(latents.device), text).float()
        kind = self._scheduler.config.prediction_type
        if kind == "v_prediction":
            return a * noisy - b * prediction
        return prediction if kind == "sample" else (noisy - b * prediction) / a

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
