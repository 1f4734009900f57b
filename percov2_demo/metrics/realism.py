"""Realism without a learned network: do the reconstruction's patches look like the original's, wherever they are?"""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from percov2_demo.errors import MetricError
from percov2_demo.metrics.picture import check_pair


REALISM_MIN_SIDE = 64
"""Shortest side in pixels of a picture that `patch_realism` takes."""

PATCH = 7
"""Side of a patch, in pixels of its level."""

LEVELS = 4
"""Levels at most: details of about 2 to 32 pixels. What is coarser is layout, which distortion metrics see."""

MIN_LEVEL_SIDE = 16
"""Shortest side of a level: below it there are too few patches to speak of a distribution."""

PROJECTIONS = 32
"""Directions that the patches are projected on."""

GRID = 128
"""Patches along the shorter side, about: enough that the choice of patches does not show in the result."""

FLOOR = 1 / (255 * 12**0.5)
"""Standard deviation of rounding to 8 bits. A level of the original with less in it counts as if it had this much."""


@torch.no_grad()
def patch_realism(original: Tensor, reconstruction: Tensor) -> float:
    """Measure the distance between the distributions of two pictures' patches: 0 is alike, 1 as far as a flat picture.

    The sliced Wasserstein distance between patches of 7x7 pixels of a Laplacian pyramid (Karras et al., ICLR 2018,
    section 5), on one pair of pictures. Each of up to four levels is divided by the distance of a picture of one
    colour, which has nothing in any level, and the mean of the levels is returned: fine detail counts as much as
    coarse. Where a detail is plays no part, so a shifted picture stays near 0 and a painted one can get there; its
    colour plays none either. Blur lies between 0 and 1; noise, or detail that is not the original's, has no upper
    bound. Unlike in the paper, patches keep their contrast, because its loss is what most codecs do. The levels are
    not expanded again before they are subtracted.

    Patches stand on a regular grid and directions come from a fixed seed: the result is the same on every call.

    Args:
        original: Picture `(3, H, W)` in [0, 1], at least 64 pixels a side.
        reconstruction: Picture of the same size.

    Raises:
        MetricError: The sizes differ, or a side is shorter than 64 pixels.
    """
    check_pair(original, reconstruction)
    if min(original.shape[-2:]) < REALISM_MIN_SIDE:
        raise MetricError(f"patch realism needs pictures of at least {REALISM_MIN_SIDE} pixels a side")
    ratios = []
    for first, second in zip(_levels(original), _levels(reconstruction), strict=True):
        expected, found = _sorted_projections(first), _sorted_projections(second)
        # The projections of a flat picture are all zero: its distance is the mean magnitude.
        flat = max(float(np.abs(expected).mean()), FLOOR)
        ratios.append(float(np.abs(expected - found).mean()) / flat)
    return float(np.mean(ratios))


def _levels(picture: Tensor) -> list[Tensor]:
    """Split a picture into details `(1, 3, h, w)` from fine to coarse, each at half the resolution."""
    rest = picture.detach().float().cpu()[None]
    levels: list[Tensor] = []
    while len(levels) < LEVELS and min(rest.shape[-2:]) >= MIN_LEVEL_SIDE:
        low = _blur(rest)
        levels.append(rest - low)
        rest = low[:, :, ::2, ::2]
    return levels


def _blur(picture: Tensor) -> Tensor:
    """Filter with a binomial of five pixels along each side, as sums of neighbours."""
    picture = F.pad(picture, (2, 2, 2, 2), mode="reflect")
    for dim in (-2, -1):
        for _ in range(4):
            count = picture.shape[dim] - 1
            picture = picture.narrow(dim, 0, count) + picture.narrow(dim, 1, count)
    return picture / 2**8


def _sorted_projections(level: Tensor) -> np.ndarray:
    """Project a level's patches to `(directions, patches)`, rising along each direction."""
    stride = max(1, min(level.shape[-2:]) // GRID)
    projections = F.conv2d(level, _directions(), stride=stride)[0].flatten(1)
    # NumPy sorts single precision an order of magnitude faster than torch.
    return np.sort(projections.numpy(), axis=1)


@functools.cache
def _directions() -> Tensor:
    """Return unit vectors in the space of patches, `(directions, 3, 7, 7)`."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(PROJECTIONS, 3, PATCH, PATCH, generator=generator, dtype=torch.float32, device="cpu")
    return directions / directions.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
