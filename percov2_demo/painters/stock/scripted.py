"""Schedulers of diffusers that run the noise levels they are given, and let each step be watched and changed.

A stock pipeline decides by itself at which noise level it begins: it rounds a strength to whole steps, and shifts what
it is given by the picture's size. So the scheduler is told in advance instead. Whatever its pipeline then asks of it,
it begins at exactly the noise level of its script, and shows each step to the script before it goes on.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor


Report = Callable[[int, float, Tensor, Tensor], Tensor]
"""Told a step from 0, the noise level at which it began, the latents after it and the clean ones that it expects;
returns the latents to go on with."""


@dataclass(frozen=True)
class Script:
    """What a scheduler is to do.

    Args:
        sigma: Noise level in (0, 1] at the start: noise over noise plus signal.
        steps: Number of steps.
        keep: Returns the clean latents to go on with for those that a step expects.
        report: Called after each step.
    """

    sigma: float
    steps: int
    keep: Callable[[Tensor], Tensor]
    report: Report


class ScriptedScheduler(ABC):
    """Mixed into a scheduler of diffusers, in front of it."""

    config: Any
    from_config: ClassVar[Any]
    set_begin_index: Any
    begin_index: int
    step_index: int | None
    _script: Script

    @classmethod
    def of(cls, scheduler: Any) -> Self:
        """Make one with the noise schedule of a model's own scheduler."""
        return cls.from_config(scheduler.config)

    def follow(self, script: Script) -> None:
        """Run this script from now on."""
        self._script = script

    @property
    def steps(self) -> int:
        """Steps that the script takes."""
        return self._script.steps

    @abstractmethod
    def mix(self, estimate: Tensor, noise: Tensor) -> Tensor:
        """Return noisy latents of the script's noise level, in the scale in which the pipeline takes them."""

    @abstractmethod
    def set_levels(self, device: torch.device | str | None, mu: float | None) -> None:
        """Set the script's noise levels as if they were the scheduler's own.

        Args:
            device: Where the timesteps are wanted.
            mu: What the pipeline knows of the picture's size, for schedulers that shift their levels by it.
        """

    @abstractmethod
    def noise_level(self, step: int) -> float:
        """Return the level at which a step begins: noise over noise plus signal."""

    @abstractmethod
    def advance(
        self, step: int, model_output: Tensor, timestep: Tensor, sample: Tensor, generator: Any
    ) -> tuple[Tensor, Tensor, float]:
        """Take a step.

        Returns:
            The latents after it; the clean ones that it expects; and how much of a change of those arrives in the
            former.
        """

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: torch.device | str | None = None,
        sigmas: Any = None,
        mu: float | None = None,
        **asked: Any,
    ) -> None:
        """Set the script's levels, whatever the pipeline asks for."""
        self.set_levels(device, mu)
        # Levels may share a timestep, so that the first is not found by its own.
        self.set_begin_index(0)

    def step(
        self, model_output: Tensor, timestep: Tensor, sample: Tensor, generator: Any = None, return_dict: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Take a step, and let the script change what it expects and where it arrives.

        Returns:
            The latents after the step and the clean ones that are expected, as pipelines read them.
        """
        step = self.begin_index if self.step_index is None else self.step_index
        moved, expected, share = self.advance(step, model_output, timestep, sample, generator)
        kept = self._script.keep(expected)
        if kept is not expected:
            moved = (moved.float() + share * (kept - expected)).to(moved.dtype)
        return self._script.report(step, self.noise_level(step), moved, kept), kept
