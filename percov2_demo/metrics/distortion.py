"""Distortions: how far a reconstruction is from its original, pixel by pixel or block by block."""

import torch
import torch.nn.functional as F
from torch import Tensor

from percov2_demo.errors import MetricError
from percov2_demo.metrics.colour import ciede2000, linear_light, linear_to_lab
from percov2_demo.metrics.picture import check_pair


MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

MS_SSIM_MIN_SIDE = 161
"""Shortest side in pixels of a picture that five scales of an 11-pixel window fit into."""

COLOUR_BLOCK = 16
"""Side in pixels of the blocks over which `colour_shift` averages."""


def psnr(first: Tensor, second: Tensor) -> float:
    """Compute the peak signal-to-noise ratio in dB, higher is better; infinite for equal pictures.

    Args:
        first: Picture `(3, H, W)` in [0, 1].
        second: Picture of the same size.

    Raises:
        MetricError: The sizes differ.
    """
    check_pair(first, second)
    return float(-10 * torch.log10((first - second).double().square().mean()))


@torch.no_grad()
def ms_ssim(first: Tensor, second: Tensor) -> float:
    """Compute the multi-scale structural similarity, 1 for equal pictures, higher is better.

    Five scales, Gaussian window of 11 pixels with a standard deviation of 1.5 (Wang et al., Asilomar 2003). As in
    torchmetrics, with which PerCo (SD) measures, the windows of the coarsest scale reach over a mirrored border, and
    those of the others stay inside the picture. On one thread of a CPU it takes less than a fourth of the time of
    torchmetrics' function, from which it differs by less than 1e-6 (512x512 and 768x512 pixels, side by side).

    Args:
        first: Picture `(3, H, W)` in [0, 1], at least 161 pixels a side.
        second: Picture of the same size.

    Raises:
        MetricError: The sizes differ, or a side is shorter than 161 pixels.
    """
    check_pair(first, second)
    if min(first.shape[-2:]) < MS_SSIM_MIN_SIDE:
        raise MetricError(f"MS-SSIM needs pictures of at least {MS_SSIM_MIN_SIDE} pixels a side")
    a, b = first.float()[None], second.float()[None]
    offsets = torch.arange(11, dtype=a.dtype, device=a.device) - 5
    window = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = window / window.sum()
    *finer, coarsest = MS_SSIM_WEIGHTS
    result = 1.0
    for weight in finer:
        _, contrast = _ssim(a, b, window)
        result *= max(contrast, 0.0) ** weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    similarity, _ = _ssim(F.pad(a, (5, 5, 5, 5), mode="reflect"), F.pad(b, (5, 5, 5, 5), mode="reflect"), window)
    return result * max(similarity, 0.0) ** coarsest


def colour_shift(original: Tensor, reconstruction: Tensor) -> float:
    """Compute the mean CIEDE2000 difference of the pictures' coarse colours, 0 for equal ones, lower is better.

    Both pictures are averaged over blocks of 16x16 pixels in linear light, as an eye at a distance does, and the
    blocks' colours compared in CIELAB (D65). Texture thus does not count, only the colour that it adds up to. A
    difference of 1 is about the smallest that is seen side by side.

    Args:
        original: Picture `(3, H, W)` in [0, 1], sRGB.
        reconstruction: Picture of the same size.

    Raises:
        MetricError: The sizes differ.
    """
    check_pair(original, reconstruction)
    first, second = (linear_to_lab(_blocks(linear_light(picture))) for picture in (original, reconstruction))
    return float(ciede2000(first, second).mean())


def _blocks(picture: Tensor) -> Tensor:
    size = [-(-side // COLOUR_BLOCK) for side in picture.shape[-2:]]
    return F.adaptive_avg_pool2d(picture, size).double()


def _ssim(a: Tensor, b: Tensor, window: Tensor) -> tuple[float, float]:
    """Average similarity, and contrast and structure alone, over two pictures `(1, 3, H, W)`.

    The sum and the difference of the pictures hold all five moments in four maps.
    """
    # Half the range is subtracted to keep the squares small, so that single precision suffices.
    plus, minus = a + b - 1, a - b
    moments = _filter(torch.cat([plus, minus, plus.square(), minus.square()], dim=1), window)
    mean_plus, mean_minus, square_plus, square_minus = moments.chunk(4, dim=1)
    mean_minus_squared = mean_minus.square()
    variance_plus = square_plus.addcmul_(mean_plus, mean_plus, value=-1)
    variance_minus = square_minus.sub_(mean_minus_squared)
    mean_plus_squared = mean_plus.add_(1).square_()
    c1, c2 = 0.01**2, 0.03**2
    contrast = (variance_plus - variance_minus).add_(2 * c2).div_(variance_plus.add_(variance_minus).add_(2 * c2))
    luminance = (mean_plus_squared - mean_minus_squared).add_(2 * c1)
    luminance.div_(mean_plus_squared.add_(mean_minus_squared).add_(2 * c1))
    return float(luminance.mul_(contrast).mean()), float(contrast.mean())


def _filter(maps: Tensor, window: Tensor) -> Tensor:
    channels = maps.shape[1]
    # Depthwise convolution is several times faster on a CPU with the channels last in memory.
    maps = maps.contiguous(memory_format=torch.channels_last)
    kernel = window.expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(maps, kernel.mT, groups=channels), kernel, groups=channels).contiguous()
