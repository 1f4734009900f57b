"""Pictures that the tests of the metrics share."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from percov2_demo.metrics import to_tensor
from tests.scene import draw_scene


def texture(height: int = 192, width: int = 256, seed: int = 0) -> Tensor:
    """Noise at several scales, `(3, height, width)`: detail at every level, as a photo has."""
    generator = torch.Generator().manual_seed(seed)
    picture = torch.full((1, 3, height, width), 0.5)
    for scale in (1, 2, 4, 8, 16, 32):
        noise = torch.randn(1, 3, height // scale + 2, width // scale + 2, generator=generator)
        picture = picture + 0.05 * torch.nn.functional.interpolate(noise, (height, width), mode="bicubic")
    return picture[0].clamp(0, 1)


def noisy(picture: Tensor, sigma: float, seed: int = 1) -> Tensor:
    """Gaussian noise with a standard deviation of `sigma`, of 255, on a picture."""
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
    return (picture + sigma / 255 * noise).clamp(0, 1)


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur with a standard deviation of `sigma` pixels."""
    radius = round(4 * sigma)
    window = torch.exp(-(torch.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    window = (window / window.sum()).view(1, 1, 1, -1)
    padded = torch.nn.functional.pad(picture[:, None], (radius,) * 4, mode="reflect")
    return torch.nn.functional.conv2d(torch.nn.functional.conv2d(padded, window), window.mT)[:, 0]


def flat(picture: Tensor) -> Tensor:
    """A picture of one colour, the mean of another's."""
    return picture.mean((1, 2), keepdim=True).expand_as(picture)


def jpeg2000(picture: Tensor, size: int) -> Tensor:
    """JPEG 2000 at the finest quality of at most `size` bytes."""
    image = Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
    low, high, best = 10.0, 10_000.0, b""
    for _ in range(12):
        rate = (low * high) ** 0.5
        stream = io.BytesIO()
        image.save(stream, "JPEG2000", quality_mode="rates", quality_layers=[rate], irreversible=True)
        if len(stream.getvalue()) <= size:
            best, high = stream.getvalue(), rate
        else:
            low = rate
    return to_tensor(Image.open(io.BytesIO(best)).convert("RGB"))


def scene_tensor(width: int, height: int) -> Tensor:
    """A drawn landscape with areas of one colour."""
    return to_tensor(draw_scene(width, height))


def kodak() -> list[Tensor]:
    """Kodak's 24 pictures, the middle 512x512 pixels; skips the test where PERCOV2_KODAK names no folder of them."""
    folder = os.environ.get("PERCOV2_KODAK")
    if not folder:
        pytest.skip("PERCOV2_KODAK does not name a folder of Kodak pictures")
    pictures = []
    for path in sorted(Path(folder).glob("kodim*.png")):
        pixels = np.array(Image.open(path).convert("RGB"))
        top, left = (pixels.shape[0] - 512) // 2, (pixels.shape[1] - 512) // 2
        pictures.append(to_tensor(Image.fromarray(pixels[top : top + 512, left : left + 512])))
    assert len(pictures) == 24
    return pictures
