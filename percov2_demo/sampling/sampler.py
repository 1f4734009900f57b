"""Sampling: from the starting point step by step to the latents of pictures, exactly or in the fast mode.

Pictures of one stream share more than its condition and text: from the same noise and noise level, the first
predictions are the same whatever the guidance scale.

The fast mode saves runs of the network in two ways. Only every other step asks the network: between, its prediction is
extrapolated along the noise level (TaylorSeer, Liu et al., arXiv 2503.06923, of first order, on the network's output).
And where guidance was seen to move the prediction by little, the network is asked with the caption alone from then on
(after Adaptive Guidance, Castillo et al., arXiv 2312.12487, which compares the two predictions' directions); what is
little depends on how often it will be asked, for what is left out adds up.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from diffusers import ModelMixin, SchedulerMixin
from torch import Tensor

from percov2_demo.models.hyper_codec import Condition
from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.sampling.interpolant import starting_point
from percov2_demo.sampling.settings import Sampling


LITTLE_GUIDANCE = 0.05
"""Root mean square of what guidance adds to a prediction, up to which the fast mode does without in the network's
last run, up to half of it in the last two, and so on; scaled latents have a deviation of about 1. Of 20 validation
photos at 4 steps, those below keep 42 dB to the exact picture and more, and those above, a tenth, would fall to as
little as 34 dB. Undivided, it let a picture of Kodak fall to 30 dB at 20 steps, which is at 35 dB so."""

StepReport = Callable[[int, float, dict[str, Tensor]], Tensor]
"""Told a step, its noise level and the tensors "latents" and "expected_latents"; returns the latents to go on with."""


class Interrupted(RuntimeError):
    """Decoding was stopped by its caller."""


@dataclass(frozen=True)
class Start:
    """What the pictures of one stream share.

    Args:
        condition: What the indices say, of one picture; or of as many as are painted, each with a seed of its own.
        text: The condition without a caption and, where there is one, with it; None at strength 0.
        strength: Noise level in [0, 1] at the start.
        known: The latent `(1, C, H, W)` that sampling starts from at a strength below 1: the condition's estimate, or
            what refinement made of it; None in a model without.
        grid: Rows and columns of the indices.
        first: The first step's predictions `(1, C, H, W)` by branch, seed and timestep, as far as they were asked for.
    """

    condition: Condition
    text: TextCondition | None
    strength: float
    known: Tensor | None
    grid: tuple[int, int]
    first: dict[tuple[int, int, float], Tensor] = field(default_factory=dict)


class Sampler(ABC):
    """Follows a network's predictions along a noise schedule.

    Args:
        network: What predicts, from noisy latents with their condition along the channels.
        scheduler: The noise schedule.
    """

    def __init__(self, network: ModelMixin, scheduler: SchedulerMixin):
        self._network = network
        self._scheduler = type(scheduler).from_config(scheduler.config)

    @abstractmethod
    def _set_timesteps(self, steps: int, strength: float, device: torch.device) -> None:
        """Make the schedule run from a noise level to the end in so many steps."""

    @abstractmethod
    def _noise_level(self, step: int) -> Tensor:
        """The noise level, from 0 to 1, at which a step begins."""

    @abstractmethod
    def _call(self, noisy: Tensor, timestep: Tensor, text: TextCondition) -> Tensor:
        """The network's output `(N, C, H, W)` for noisy latents with their condition along the channels."""

    @abstractmethod
    def _advance(
        self, step: int, latents: Tensor, prediction: Tensor, start: Start, hold: float
    ) -> tuple[Tensor, Tensor]:
        """The latents after a step, and the clean ones that the network expects, as far as they are not held."""

    @abstractmethod
    def expect(self, condition: Condition, text: TextCondition, latents: Tensor, sigma: float) -> Tensor:
        """Return the clean latents `(B, C, H, W)` that the network expects at a point of rectified flow's path.

        Args:
            condition: What the indices say.
            text: One text's condition.
            latents: `(1 - sigma) * clean + sigma * noise`, `(B, C, H, W)`.
            sigma: Noise level in (0, 1].
        """

    def sample(
        self,
        start: Start,
        noise: Tensor,
        samplings: Sequence[Sampling],
        fast: bool,
        report: StepReport,
        interrupt: Callable[[], bool] | None = None,
    ) -> Tensor:
        """Return latents `(B, C, H, W)`, one of each setting.

        Args:
            start: Where the pictures start; it keeps the first step's predictions for other settings.
            noise: Standard normal noise of the settings' seeds, `(B, C, H, W)`.
            samplings: Settings with one number of steps and one `hold`; the start's strength goes for theirs.
            fast: Whether to run the fast mode.
            report: Called after each step.
            interrupt: Asked before each step; True stops the sampler.

        Raises:
            InputError: The model has no estimate to start from, and the strength is below 1.
            Interrupted: `interrupt` returned True.
        """
        latents = starting_point(start.known, noise, start.strength)
        if start.strength == 0:
            return latents
        assert start.text is not None
        steps = samplings[0].steps
        # Without a caption both branches are the same.
        has_caption = len(start.text.tokens) == 2
        # Set here, because a host program may have set other defaults.
        numbers = {"dtype": torch.float32, "device": "cpu"}
        weights = torch.tensor([float(sampling.guidance) * has_caption for sampling in samplings], **numbers)
        seeds = [sampling.seed for sampling in samplings]
        self._set_timesteps(steps, start.strength, latents.device)
        past: list[tuple[Tensor, Tensor]] = []
        for step, timestep in enumerate(self._scheduler.timesteps):
            if interrupt is not None and interrupt():
                raise Interrupted("decoding was stopped")
            sigma = self._noise_level(step)
            if fast and step % 2:
                branches = extrapolate(past, sigma)
            else:
                if fast and past:
                    weights = without_little_guidance(weights, branches, (steps - step + 1) // 2)
                branches = self._predict(start, latents, timestep, weights, seeds if step == 0 else None)
                past = [*past[-1:], (sigma, branches)]
            # lerp ignores a branch that has no weight.
            prediction = torch.lerp(*branches, weights.to(latents)[:, None, None, None])
            latents, expected = self._advance(step, latents, prediction, start, samplings[0].hold)
            latents = report(step, float(sigma), {"latents": latents, "expected_latents": expected})
        return latents

    def _predict(
        self, start: Start, latents: Tensor, timestep: Tensor, weights: Tensor, seeds: Sequence[int] | None
    ) -> Tensor:
        """Predictions without and with the caption, `(2, B, C, H, W)`; zeros where the guidance needs none.

        Args:
            start: What the pictures share.
            latents: Where the pictures are.
            timestep: Their noise level.
            weights: Guidance scales.
            seeds: The pictures' seeds at the first step, where equal ones have equal predictions; None later.
        """
        needed = torch.stack([weights != 1, weights != 0]).nonzero().tolist()
        known = start.first if seeds is not None else {}
        level = float(timestep)
        keys = {(branch, item): (branch, seeds[item] if seeds is not None else item, level) for branch, item in needed}
        missing = {key: pair for pair, key in keys.items() if key not in known}
        if missing:
            rows = self._run(start, latents, timestep, list(missing.values()))
            known.update(zip(missing, rows.split(1), strict=True))
        predictions = latents.new_zeros(2, *latents.shape)
        for (branch, item), key in keys.items():
            predictions[branch, item] = known[key][0]
        return predictions

    def _run(self, start: Start, latents: Tensor, timestep: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
        """The network's output `(N, C, H, W)` for pairs of a branch and a picture."""
        assert start.text is not None
        dtype = self._network.dtype
        branches, items = map(list, zip(*pairs, strict=True))
        channels = start.condition.channels.to(dtype).expand(len(latents), -1, -1, -1)
        noisy = torch.cat([latents.to(dtype), channels], dim=1)[items]
        text = TextCondition(start.text.tokens[branches], start.text.pooled[branches])
        return self._call(noisy, timestep, text).float()


def without_little_guidance(weights: Tensor, branches: Tensor, runs: int) -> Tensor:
    """Return guidance scales `(B,)` for the next run of the network, 1 where more adds little.

    Args:
        weights: Those of the last run; of a scale of 1 or less, one branch may be unknown.
        branches: Predictions without and with the caption, `(2, B, C, H, W)`.
        runs: How often the network is still asked.
    """
    without, with_caption = branches
    moved = (weights - 1) * (with_caption - without).square().mean((1, 2, 3)).sqrt().to(weights.device)
    return torch.where(moved > LITTLE_GUIDANCE / runs, weights, weights.clamp(max=1))


def extrapolate(past: Sequence[tuple[Tensor, Tensor]], sigma: Tensor) -> Tensor:
    """Extrapolate the last two predictions to another noise level; a single one is returned as it is."""
    (last_sigma, last), (earlier_sigma, earlier) = past[-1], past[0]
    if len(past) == 1:
        return last
    return last + (last - earlier) * ((sigma - last_sigma) / (last_sigma - earlier_sigma))
