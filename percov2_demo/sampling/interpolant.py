"""The flow's path between noise and latent, shared by training and sampling.

The path is rectified flow's straight line from noise to the latent. Sampling with a strength below 1 enters it at
that noise level, with the hyper-decoder's estimate in the latent's place: the compressed-feature start of RDEIC (Li
et al., 2024). Strength 1 is the paper's sampler.
"""

from typing import Literal

from torch import Tensor

from percov2_demo.errors import InputError


PredictionType = Literal["velocity", "residual"]


def noisy_latent(latent: Tensor, noise: Tensor, sigma: Tensor | float) -> Tensor:
    """Return the point of the path at a noise level.

    Args:
        latent: The path's end, `(B, C, H, W)`.
        noise: Standard normal noise, `(B, C, H, W)`.
        sigma: Noise level in [0, 1], broadcastable to the latent.
    """
    return (1 - sigma) * latent + sigma * noise


def starting_point(estimate: Tensor | None, noise: Tensor, strength: float) -> Tensor:
    """Return where sampling with `strength` begins.

    Raises:
        InputError: A strength below 1 without an estimate.
    """
    if strength == 1:
        return noise
    if estimate is None:
        raise InputError("this model has no hyper-decoder to start from: use strength 1")
    return noisy_latent(estimate, noise, strength)


def expected_latent(
    prediction: Tensor, noisy: Tensor, estimate: Tensor | None, sigma: Tensor | float, prediction_type: PredictionType
) -> Tensor:
    """Return the latent that the transformer's output stands for: a velocity, or a residual to the estimate."""
    return noisy - sigma * prediction if prediction_type == "velocity" else estimate + prediction


def velocity(noisy: Tensor, expected: Tensor, sigma: Tensor | float) -> Tensor:
    """Return the velocity towards noise, `dx/dsigma`, that the expected latent implies."""
    return (noisy - expected) / sigma


def starting_sigmas(steps: int, strength: float, shift: float) -> list[float]:
    """Return noise levels before the scheduler's shift, evenly spaced; after it the first is `strength`, the end 0."""
    start = strength / (shift - (shift - 1) * strength)
    return [start * (steps - step) / steps for step in range(steps)]
