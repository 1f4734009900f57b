"""SANA-Sprint (Chen et al., arXiv 2503.09641): consistency steps on TrigFlow's quarter circle from latents to noise.

At the angle `t` the signal has the weight `cos t` and the noise `sin t`, so sigma is `tan t / (1 + tan t)`.
"""

import math
from typing import Any

import torch
from diffusers import SCMScheduler
from torch import Tensor

from percov2_demo.painters.painter import Knob
from percov2_demo.painters.stock.model import StockModel
from percov2_demo.painters.stock.scripted import ScriptedScheduler


SECOND_OF_TWO = 1.3 / 1.5708
"""Where the second of two steps begins, as a share of the first's angle: SANA-Sprint's own schedule."""


class ScriptedTrigFlow(ScriptedScheduler, SCMScheduler):
    """Consistency steps between angles."""

    def mix(self, estimate: Tensor, noise: Tensor) -> Tensor:
        return math.cos(self._first) * estimate + math.sin(self._first) * noise

    def set_levels(self, device: torch.device | str | None, mu: float | None) -> None:
        shares = [1 - step / self.steps for step in range(self.steps)]
        if self.steps == 2:
            shares[1] = SECOND_OF_TWO
        angles = [self._first * share for share in (*shares, 0.0)]
        SCMScheduler.set_timesteps(
            self, self.steps, timesteps=angles, device=device, max_timesteps=None, intermediate_timesteps=None
        )

    def noise_level(self, step: int) -> float:
        angle = float(self.timesteps[step])
        return math.sin(angle) / (math.sin(angle) + math.cos(angle))

    def advance(
        self, step: int, model_output: Tensor, timestep: Tensor, sample: Tensor, generator: Any
    ) -> tuple[Tensor, Tensor, float]:
        moved, expected = SCMScheduler.step(
            self, model_output, timestep, sample, generator=generator, return_dict=False
        )
        return moved, expected.float(), math.cos(float(self.timesteps[step + 1]))

    @property
    def _first(self) -> float:
        return math.atan2(self._script.sigma, 1 - self._script.sigma)


class SanaSprint(StockModel):
    """SANA-Sprint, whose guidance is an input of the network."""

    words = "SANA-Sprint"
    float32_latents = True

    def make_scheduler(self) -> ScriptedScheduler:
        return ScriptedTrigFlow.of(self.pipeline.scheduler)

    @property
    def guidance(self) -> Knob | None:
        return Knob(4.5, 1.0, 15.0)

    @property
    def steps(self) -> int:
        return 2

    @property
    def multiple(self) -> int:
        """Sides that the pipeline takes; its autoencoder's stride is 32."""
        return math.lcm(self.stride, 32)

    @property
    def native_side(self) -> int:
        return self.stride * self.network.config.sample_size

    def encode(self, pixels: Tensor) -> Tensor:
        return self.pipeline.vae.encode(pixels, return_dict=False)[0] * self.pipeline.vae.config.scaling_factor

    def unpack(self, latents: Tensor, shape: torch.Size) -> Tensor:
        return latents / self.scheduler.config.sigma_data

    def repack(self, latents: Tensor) -> Tensor:
        return latents * self.scheduler.config.sigma_data

    def call_options(self, guidance: float) -> dict[str, Any]:
        # The pipeline would put a long instruction before the caption, and choose sizes of its own.
        return {
            "guidance_scale": guidance,
            "complex_human_instruction": None,
            "use_resolution_binning": False,
            "intermediate_timesteps": None,
        }
