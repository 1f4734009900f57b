"""Models of diffusion with a U-Net: Stable Diffusion 1.5, 2.1 and Turbo, SDXL and SDXL-Turbo, and their LCM variants.

Their noise schedule keeps the variance, so its levels are converted: with `a` of the signal and `b` of the noise,
sigma is `b / (a + b)`; what such schedulers call sigma is `b / a` (Karras et al., arXiv 2206.00364).
"""

from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler, LCMScheduler
from torch import Tensor

from percov2_demo.errors import ModelError
from percov2_demo.painters.painter import Knob
from percov2_demo.painters.stock.model import StockModel
from percov2_demo.painters.stock.scripted import ScriptedScheduler


class ScriptedEuler(ScriptedScheduler, EulerDiscreteScheduler):
    """Euler steps, evenly spaced in the model's own time.

    The schedule ends before pure noise. A noise level beyond is mixed at the schedule's last one, with as much less of
    the estimate: the network then sees the noise that it knows.
    """

    @classmethod
    def of(cls, scheduler: Any) -> "ScriptedEuler":
        """Make one with a model's noise schedule and prediction type.

        Raises:
            ModelError: The schedule is not one of variances of steps, as that of EDM is not.
        """
        if not {"beta_start", "beta_end", "beta_schedule"} <= scheduler.config.keys():
            raise ModelError(
                f"the model's scheduler, {type(scheduler).__name__}, has a noise schedule that is not known here: "
                "name a model that was trained with Stable Diffusion's"
            )
        names = (
            "num_train_timesteps",
            "beta_start",
            "beta_end",
            "beta_schedule",
            "trained_betas",
            "prediction_type",
            "rescale_betas_zero_snr",
            "timestep_type",
        )
        return cls(**{name: scheduler.config[name] for name in names if name in scheduler.config})

    @property
    def init_noise_sigma(self) -> float:
        """Latents come with their noise, so the pipeline has nothing to scale."""
        return 1.0

    def mix(self, estimate: Tensor, noise: Tensor) -> Tensor:
        sigma = self._script.sigma
        return self._first * (noise + estimate * ((1 - sigma) / sigma))

    def set_levels(self, device: torch.device | str | None, mu: float | None) -> None:
        ratios, first = self._ratios, self._first
        shares = np.arange(self.steps, 0, -1) / self.steps
        if first > ratios[0]:
            times = shares * self._sigma_to_t(np.float64(first), np.log(ratios))
            levels = np.interp(times, np.arange(len(ratios)), ratios)
            levels[0] = first
        else:
            # Before the schedule's first level there is no time to divide.
            levels = shares * first
        EulerDiscreteScheduler.set_timesteps(self, sigmas=[*levels, 0.0], device=device)

    def noise_level(self, step: int) -> float:
        return self._script.sigma if step == 0 else float(self.sigmas[step] / (1 + self.sigmas[step]))

    def advance(
        self, step: int, model_output: Tensor, timestep: Tensor, sample: Tensor, generator: Any
    ) -> tuple[Tensor, Tensor, float]:
        moved, expected = EulerDiscreteScheduler.step(self, model_output, timestep, sample, return_dict=False)
        return moved, expected.float(), 1 - self.sigmas[step + 1] / self.sigmas[step]

    @property
    def _ratios(self) -> np.ndarray:
        """Noise over signal of all of the model's timesteps."""
        return ((1 - self.alphas_cumprod) / self.alphas_cumprod).sqrt().double().numpy()

    @property
    def _first(self) -> float:
        """Noise over signal at the start, no more than the schedule's last."""
        sigma, last = self._script.sigma, float(self._ratios[-1])
        return last if sigma == 1 else min(sigma / (1 - sigma), last)


class ScriptedLCM(ScriptedScheduler, LCMScheduler):
    """Consistency steps (Luo et al., arXiv 2310.04378): each goes to the end, and noise is put on what it finds.

    Levels are whole timesteps, so near the end there are fewer steps than asked for. The first latents are mixed at
    exactly the noise level of the script, which is at most half a timestep from the network's.
    """

    @property
    def steps(self) -> int:
        return len(self._times)

    def mix(self, estimate: Tensor, noise: Tensor) -> Tensor:
        sigma = self._script.sigma
        return ((1 - sigma) * estimate + sigma * noise) / ((1 - sigma) ** 2 + sigma**2) ** 0.5

    def set_levels(self, device: torch.device | str | None, mu: float | None) -> None:
        self.timesteps = torch.tensor(self._times, dtype=torch.long, device=device)
        self.num_inference_steps = self.steps
        self._step_index = None

    def noise_level(self, step: int) -> float:
        return self._script.sigma if step == 0 else float(self._levels[self._times[step]])

    def advance(
        self, step: int, model_output: Tensor, timestep: Tensor, sample: Tensor, generator: Any
    ) -> tuple[Tensor, Tensor, float]:
        moved, expected = LCMScheduler.step(
            self, model_output, timestep, sample, generator=generator, return_dict=False
        )
        is_last = step + 1 == self.steps
        return moved, expected.float(), 1.0 if is_last else float(self.alphas_cumprod[self._times[step + 1]].sqrt())

    @property
    def _levels(self) -> Tensor:
        """Noise over noise plus signal of all of the model's timesteps."""
        signal, noise = self.alphas_cumprod.sqrt(), (1 - self.alphas_cumprod).sqrt()
        return noise / (noise + signal)

    @property
    def _times(self) -> list[int]:
        """The timesteps of the script, without those that would be there twice."""
        first = int((self._levels - self._script.sigma).abs().argmin())
        count = self._script.steps
        return sorted({round(first * (count - step) / count) for step in range(count)}, reverse=True)


class DiffusionModel(StockModel):
    """A model with a U-Net."""

    network_name = "unet"

    @property
    def multiple(self) -> int:
        """Sides that every level of the U-Net halves without a rest."""
        return self.stride * 2 ** (len(self.network.config.block_out_channels) - 1)

    def make_scheduler(self) -> ScriptedScheduler:
        scheduler = self.pipeline.scheduler
        self.is_consistency = isinstance(scheduler, LCMScheduler)
        # The schedules of Turbo models end with their last timestep; so do those that end in pure noise.
        spaced = scheduler.config.get("timestep_spacing") == "trailing"
        self.is_turbo = spaced and not scheduler.config.get("rescale_betas_zero_snr") and not self.is_consistency
        return (ScriptedLCM if self.is_consistency else ScriptedEuler).of(scheduler)

    @property
    def guidance(self) -> Knob | None:
        if self.network.config.time_cond_proj_dim is not None:
            return Knob(8.0, 1.0, 15.0)
        return None if self.is_turbo or self.is_consistency else Knob(5.0, 1.0, 15.0)

    @property
    def steps(self) -> int:
        return 1 if self.is_turbo else 4 if self.is_consistency else 30

    @property
    def native_side(self) -> int:
        side = self.network.config.sample_size
        return self.stride * (side if isinstance(side, int) else max(side or (0,)))


class StableDiffusion(DiffusionModel):
    """Stable Diffusion 1.5, 2.1 and Turbo, and latent consistency models of them."""

    words = "Stable Diffusion"
    load_options: ClassVar[dict[str, Any]] = {
        "safety_checker": None,
        "feature_extractor": None,
        "image_encoder": None,
        "requires_safety_checker": False,
    }
    tiny_autoencoder = "madebyollin/taesd"


class StableDiffusionXL(DiffusionModel):
    """SDXL and SDXL-Turbo (Podell et al., arXiv 2307.01952)."""

    words = "Stable Diffusion XL"
    load_options: ClassVar[dict[str, Any]] = {
        "feature_extractor": None,
        "image_encoder": None,
        "add_watermarker": False,
    }
    tiny_autoencoder = "madebyollin/taesdxl"
