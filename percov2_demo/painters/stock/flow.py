"""Models of rectified flow: Stable Diffusion 3 and 3.5, Z-Image."""

import math
from typing import Any, ClassVar

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from percov2_demo.painters.painter import Knob
from percov2_demo.painters.stock.model import StockModel
from percov2_demo.painters.stock.scripted import ScriptedScheduler
from percov2_demo.sampling.interpolant import noisy_latent, starting_sigmas


class ScriptedFlow(ScriptedScheduler, FlowMatchEulerDiscreteScheduler):
    """Euler steps along straight lines from noise to latents; a level is the noise's share itself."""

    @classmethod
    def of(cls, scheduler: Any) -> "ScriptedFlow":
        """Make one with a model's time shift, which is all that matters where the levels are given."""
        names = ("num_train_timesteps", "shift", "use_dynamic_shifting", "time_shift_type")
        return cls(**{name: scheduler.config[name] for name in names if name in scheduler.config})

    def mix(self, estimate: Tensor, noise: Tensor) -> Tensor:
        return noisy_latent(estimate, noise, self._script.sigma)

    def set_levels(self, device: torch.device | str | None, mu: float | None) -> None:
        shift = self.config.shift
        if self.config.use_dynamic_shifting and mu is not None:
            shift = math.exp(mu) if self.config.time_shift_type == "exponential" else mu
        sigmas = starting_sigmas(self.steps, self._script.sigma, shift)
        FlowMatchEulerDiscreteScheduler.set_timesteps(self, sigmas=sigmas, mu=mu, device=device)

    def noise_level(self, step: int) -> float:
        return float(self.sigmas[step])

    def advance(
        self, step: int, model_output: Tensor, timestep: Tensor, sample: Tensor, generator: Any
    ) -> tuple[Tensor, Tensor, float]:
        level, following = self.sigmas[step], self.sigmas[step + 1]
        expected = sample.float() - level * model_output.float()
        (moved,) = FlowMatchEulerDiscreteScheduler.step(self, model_output, timestep, sample, return_dict=False)
        return moved, expected, 1 - following / level


class FlowModel(StockModel):
    """A model with a transformer that predicts the flow."""

    patch = 2

    def make_scheduler(self) -> ScriptedScheduler:
        return ScriptedFlow.of(self.pipeline.scheduler)


class StableDiffusion3(FlowModel):
    """Stable Diffusion 3 and 3.5 (Esser et al., arXiv 2403.03206)."""

    words = "Stable Diffusion 3"
    load_options: ClassVar[dict[str, Any]] = {"image_encoder": None, "feature_extractor": None}
    tiny_autoencoder = "madebyollin/taesd3"

    @property
    def guidance(self) -> Knob | None:
        return Knob(5.0, 1.0, 15.0)


class ZImage(FlowModel):
    """Z-Image and Z-Image-Turbo (Z-Image Team, arXiv 2511.22699)."""

    words = "Z-Image"
    tiny_autoencoder = "madebyollin/taef1"
    float32_latents = True

    @property
    def guidance(self) -> Knob | None:
        return Knob(5.0, 1.0, 15.0)

    def call_options(self, guidance: float) -> dict[str, Any]:
        """Return the pipeline's own scale, which counts from the caption: it is off up to 1, that is up to 2 here."""
        return {"guidance_scale": max(0.0, guidance - 1)}
