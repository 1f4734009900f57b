"""Metrics between an original and its reconstruction."""

import torch
import torch.nn.functional as F
from torch import Tensor


MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

MS_SSIM_MIN_SIDE = 161
"""Shortest side in pixels of a picture that five scales of an 11-pixel window fit into."""


def psnr(first: Tensor, second: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, higher is better; infinite for equal pictures.

    Args:
        first: Picture `(3, H, W)` in [0, 1].
        second: Picture of the same size.
    """
    return float(-10 * torch.log10((first - second).double().square().mean()))


def ms_ssim(first: Tensor, second: Tensor) -> float:
    """Multi-scale structural similarity, 1 for equal pictures, higher is better.

    Five scales, Gaussian window of 11 pixels with a standard deviation of 1.5 (Wang et al., Asilomar 2003).

    Args:
        first: Picture `(3, H, W)` in [0, 1], at least 161 pixels a side.
        second: Picture of the same size.

    Raises:
        ValueError: A side is shorter than 161 pixels.
    """
    if min(first.shape[-2:]) < MS_SSIM_MIN_SIDE:
        raise ValueError(f"MS-SSIM needs pictures of at least {MS_SSIM_MIN_SIDE} pixels a side")
    a, b = first.double()[:, None], second.double()[:, None]
    offsets = torch.arange(11, dtype=a.dtype, device=a.device) - 5
    window = torch.exp(-(offsets**2) / (2 * 1.5**2))
    window = window / window.sum()
    result = torch.ones((), dtype=a.dtype, device=a.device)
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        similarity, contrast = _ssim(a, b, window)
        term = similarity if scale == len(MS_SSIM_WEIGHTS) - 1 else contrast
        result = result * term.clamp(min=0) ** weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return float(result)


def detail_ratio(original: Tensor, reconstruction: Tensor) -> float:
    """Energy of the reconstruction's fine detail over that of the original's: 1 is equal, below 1 is blurred.

    Detail is what a Laplacian filter leaves of the luma (ITU-R BT.601). The ratio says nothing of where the detail
    is: it complements a distortion metric.

    Args:
        original: Picture `(3, H, W)` in [0, 1].
        reconstruction: Picture of the same size.
    """
    return float(_detail(reconstruction) / _detail(original))


def _detail(picture: Tensor) -> Tensor:
    luma = torch.einsum("c,chw->hw", picture.new_tensor((0.299, 0.587, 0.114)).double(), picture.double())
    kernel = luma.new_tensor(((0, 1, 0), (1, -4, 1), (0, 1, 0)))
    return F.conv2d(luma[None, None], kernel[None, None]).square().mean()


def _ssim(a: Tensor, b: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    def blur(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))

    mean_a, mean_b = blur(a), blur(b)
    variance_a, variance_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    contrast = (2 * covariance + c2) / (variance_a + variance_b + c2)
    similarity = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1) * contrast
    return similarity.mean(), contrast.mean()
