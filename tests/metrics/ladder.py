"""The ladder: damages in the order in which an eye likes them less, and pictures to damage."""

import io
import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from percov2_demo.metrics import to_tensor
from tests.metrics.pictures import blurred, noisy


SMALLEST, LARGEST = 30, 320
"""Radii of the leaves in pixels."""


def in_levels(picture: Tensor) -> Tensor:
    """A picture as 8 bits hold it."""
    return (picture.clamp(0, 1) * 255).round() / 255


def jpeg(picture: Tensor, quality: int) -> Tensor:
    buffer = io.BytesIO()
    Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=quality)
    return to_tensor(Image.open(buffer).convert("RGB"))


def pixelated(picture: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(picture[None], side).repeat_interleave(side, 2).repeat_interleave(side, 3)[0]


def tiled(picture: Tensor, sigma: float) -> Tensor:
    """Tiles of 8 pixels, each a little lighter or darker by a deviation of `sigma`, of 255."""
    height, width = picture.shape[1] // 8, picture.shape[2] // 8
    offsets = torch.randn(1, height, width, generator=torch.Generator().manual_seed(2)) * sigma / 255
    return picture + offsets.repeat_interleave(8, 1).repeat_interleave(8, 2)


DAMAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "original": lambda picture: picture,
    "jpeg 20": lambda picture: jpeg(picture, 20),
    "blur 4": lambda picture: in_levels(blurred(picture, 4)),
    "blur 8": lambda picture: in_levels(blurred(picture, 8)),
    "pixelated 8": lambda picture: in_levels(pixelated(picture, 8)),
    "blur 6, tiles": lambda picture: in_levels(tiled(blurred(picture, 6), 15)),
    "blur 8, noise 15": lambda picture: in_levels(noisy(blurred(picture, 8), 15)),
}

LADDER = ("original", "jpeg 20", "blur 4", "blur 8", "pixelated 8", "blur 6, tiles")
"""Damages, each worse than the one before."""

RUNGS = (*pairwise(LADDER), ("blur 8", "blur 8, noise 15"))
"""Pairs of a damage and a worse one; noise does not make a blurred picture better."""


def leaves(side: int = 384, seed: int = 0) -> Tensor:
    """Draws textured leaves that cover each other, `(3, side, side)`: edges and sizes as photos have them.

    The dead leaves model (Lee, Mumford and Huang, IJCV 2001): discs whose radii follow a power law with exponent -3.
    Each has a colour and a shading of its own, and a fractal texture. Sizes and contrasts are such that deep realism
    takes it for a poor photo, and not for something else.
    """
    generator = torch.Generator().manual_seed(seed)
    texture = fractal(side, generator)
    picture = (0.5 + 0.1 * texture).repeat(3, 1, 1)
    for _ in range(60):
        u, lightness, contrast, *centre = torch.rand(5, generator=generator).tolist()
        (down, right), tint = torch.randn(2, generator=generator).tolist(), torch.randn(3, 1, 1, generator=generator)
        radius = SMALLEST / math.sqrt(u + (SMALLEST / LARGEST) ** 2)
        rows, columns = (
            torch.arange(max(0, math.ceil(c * side - radius)), min(side, int(c * side + radius) + 1)) for c in centre
        )
        y, x = ((rows - centre[0] * side) / radius)[:, None], (columns - centre[1] * side) / radius
        box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        colour = 0.2 + 0.6 * lightness + 0.03 * tint + 0.08 * (down * y + right * x)
        leaf = colour + 0.15 * contrast * texture.roll((int(1000 * u), int(777 * lightness)), (0, 1))[box[1:]]
        picture[box] = torch.where(y.square() + x.square() < 1, leaf, picture[box])
    return in_levels(blurred(picture.clamp(0, 1), 0.9))


def fractal(side: int, generator: torch.Generator) -> Tensor:
    """Noise `(side, side)` whose amplitude falls with frequency as in photos, with a deviation of 1."""
    vertical, horizontal = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)
    frequency = torch.hypot(vertical, horizontal).clamp(min=1 / side)
    noise = torch.fft.irfft2(torch.fft.rfft2(torch.randn(side, side, generator=generator)) / frequency**1.25)
    return noise / noise.std()
