"""The metrics of a pair of pictures: what they are called, which way is better, and all weight-free ones at once."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from percov2_demo.metrics.distortion import MS_SSIM_MIN_SIDE, colour_shift, ms_ssim, psnr
from percov2_demo.metrics.picture import check_pair
from percov2_demo.metrics.realism import REALISM_MIN_SIDE, patch_realism


@dataclass(frozen=True)
class Metric:
    """What a number between two pictures means.

    Attributes:
        name: The metric's name in tables and files.
        label: The name that people read.
        unit: Unit of the number; empty where it has none.
        better: Which numbers are better.
        source: Who defined it.
    """

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower"]
    source: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", "dB", "higher", "mean squared error over RGB, peak 1"),
        Metric("ms_ssim", "MS-SSIM", "", "higher", "Wang et al., Asilomar 2003"),
        Metric("lpips", "LPIPS", "", "lower", "Zhang et al., CVPR 2018, AlexNet, version 0.1"),
        Metric(
            "realism",
            "Patch realism",
            "",
            "lower",
            "sliced Wasserstein distance of Laplacian patches, after Karras et al., ICLR 2018; 1 is a flat picture",
        ),
        Metric(
            "colour_shift",
            "Colour shift",
            "ΔE00",
            "lower",
            "CIEDE2000 (Sharma et al., 2005) of means over 16x16 pixels",
        ),
        Metric(
            "clip_score",
            "CLIP score",
            "",
            "higher",
            "100 times the cosine, after Hessel et al., EMNLP 2021, whose factor is 2.5",
        ),
        Metric(
            "clip_similarity", "CLIP similarity", "", "higher", "cosine of image embeddings of Radford et al., 2021"
        ),
    )
}
"""The metrics of one pair of pictures, by name; `clip_score` is of a picture and a text."""


def measure(original: Tensor, reconstruction: Tensor) -> dict[str, float | None]:
    """All metrics of a pair that need no learned weights, by name; None where the pictures are too small for one.

    Args:
        original: Picture `(3, H, W)` in [0, 1].
        reconstruction: Picture of the same size.

    Raises:
        MetricError: The sizes differ.
    """
    check_pair(original, reconstruction)
    side = min(original.shape[-2:])
    return {
        "psnr": psnr(original, reconstruction),
        "ms_ssim": ms_ssim(original, reconstruction) if side >= MS_SSIM_MIN_SIDE else None,
        "realism": patch_realism(original, reconstruction) if side >= REALISM_MIN_SIDE else None,
        "colour_shift": colour_shift(original, reconstruction),
    }
