"""Hold a sampler's expected latent to the low frequencies of the hyper-decoder's estimate, which the file's bits give.

After ILVR (Choi et al., arXiv 2108.02938), which replaces the low frequencies of every step's noisy picture by those
of a reference. Here they are replaced in the clean latent that the step expects, and only in part where less is asked
for. The low frequencies are the cosines that the grid of indices can tell apart: what the file paid for.
"""

import math

import torch
from torch import Tensor


def low_frequencies(latents: Tensor, grid: tuple[int, int]) -> Tensor:
    """Project latents `(B, C, H, W)` on the cosines that a grid of so many rows and columns resolves.

    The projection is orthogonal (the lowest coefficients of the DCT-II along each side), so what it leaves stays when
    it is applied again.
    """
    rows, columns = (_projection(side, kept, latents) for side, kept in zip(latents.shape[-2:], grid, strict=True))
    return rows @ latents @ columns


def held(expected: Tensor, estimate: Tensor | None, grid: tuple[int, int], amount: float) -> Tensor:
    """Draw the low frequencies of expected latents back to an estimate's.

    Args:
        expected: Clean latents that a step expects, `(B, C, H, W)`.
        estimate: Latents of the hyper-decoder's estimate, of the same shape or of one picture; None only at 0.
        grid: Rows and columns of the indices.
        amount: How far, from 0 (not at all) to 1 (they become the estimate's).
    """
    if amount == 0:
        return expected
    return expected + amount * low_frequencies(estimate - expected, grid)


def _projection(side: int, kept: int, like: Tensor) -> Tensor:
    """Build the symmetric `(side, side)` matrix that keeps a signal's lowest cosines."""
    frequencies = torch.arange(min(kept, side), dtype=torch.float64)[:, None]
    positions = torch.arange(side, dtype=torch.float64) + 0.5
    cosines = torch.cos(math.pi / side * frequencies * positions) * math.sqrt(2 / side)
    cosines[0] /= math.sqrt(2)
    return (cosines.T @ cosines).to(like)
