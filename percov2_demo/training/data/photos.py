"""Draw the photos of a training step, crop them, and make them tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor


class BalancedSampler:
    """Draws photo numbers so that a source with n photos is seen in proportion to the square root of n.

    Args:
        sources: The photos' sources.
        seed: Seed of the order.
    """

    def __init__(self, sources: Sequence[str] | np.ndarray, seed: int):
        _, numbers, sizes = np.unique(np.asarray(sources), return_inverse=True, return_counts=True)
        self._cumulative = np.cumsum(sizes[numbers] ** -0.5)
        self._cumulative /= self._cumulative[-1:]
        self.seed = seed

    def draw(self, step: int, count: int) -> tuple[np.ndarray, np.random.Generator]:
        """Draw the `count` photo numbers of a step, and the generator for all other choices of that step."""
        rng = np.random.default_rng((self.seed, step))
        return self._cumulative.searchsorted(rng.random(count), side="right"), rng


def random_crop(pixels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Crop a random square, mirrored half of the time; a photo smaller than `size` is enlarged first."""
    height, width = pixels.shape[:2]
    if min(height, width) < size:
        scale = size / min(height, width)
        image = Image.fromarray(pixels).resize((max(size, round(width * scale)), max(size, round(height * scale))))
        pixels = np.asarray(image)
        height, width = pixels.shape[:2]
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    crop = pixels[top : top + size, left : left + size]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def to_tensor(pixels: np.ndarray) -> Tensor:
    """Convert pictures `(B, H, W, 3)` uint8 to `(B, 3, H, W)` float32 in [-1, 1]."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
