"""The flow's path between noise and latent, shared by training and sampling.

With strength 1 the path is rectified flow's straight line from noise to the latent. With a strength s below 1 it is
the straight line from `(1 - s) * estimate + s * noise`, at noise level s, to the latent at noise level 0, where the
estimate is what the hyper-decoder makes of the indices. This is the starting point of relay diffusion codecs (RDEIC,
Li et al., 2024); the noise level at time sigma is sigma on every one of these paths, and so is the velocity that
follows from an expected latent.
"""

from typing import Literal

from torch import Tensor


PredictionType = Literal["velocity", "residual"]


def noisy_latent(latent: Tensor, estimate: Tensor | None, noise: Tensor, sigma: Tensor, strength: Tensor) -> Tensor:
    """The point at noise level `sigma` on the path of `strength`.

    Args:
        latent: The path's end, `(B, C, H, W)`.
        estimate: The hyper-decoder's estimate of it; may be None if every strength is 1.
        noise: Standard normal noise, `(B, C, H, W)`.
        sigma: Noise level in (0, strength], broadcastable to the latent.
        strength: Noise level at the path's start, in (0, 1], broadcastable to the latent.
    """
    progress = sigma / strength
    point = (1 - progress) * latent + sigma * noise
    return point if estimate is None else point + progress * (1 - strength) * estimate


def starting_point(estimate: Tensor | None, noise: Tensor, strength: float) -> Tensor:
    """Where sampling with `strength` begins.

    Raises:
        ValueError: A strength below 1 without an estimate.
    """
    if strength == 1:
        return noise
    if estimate is None:
        raise ValueError("this model has no hyper-decoder to start from: use strength 1")
    return (1 - strength) * estimate + strength * noise


def expected_latent(
    prediction: Tensor, noisy: Tensor, estimate: Tensor | None, sigma: Tensor | float, prediction_type: PredictionType
) -> Tensor:
    """The latent that the transformer's output stands for: a velocity, or a residual to the estimate."""
    return noisy - sigma * prediction if prediction_type == "velocity" else estimate + prediction


def velocity(noisy: Tensor, expected: Tensor, sigma: Tensor | float) -> Tensor:
    """The velocity towards noise, `dx/dsigma`, that the expected latent implies on a path of any strength."""
    return (noisy - expected) / sigma


def starting_sigmas(steps: int, strength: float, shift: float) -> list[float]:
    """Noise levels before the scheduler's time shift, evenly spaced; after it the first is `strength`, the end 0."""
    start = strength / (shift - (shift - 1) * strength)
    return [start * (steps - step) / steps for step in range(steps)]
