"""The metrics of a pair of pictures: names, which way is better, and all that come with this package at once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from torch import Tensor

from percov2_demo.metrics.deep import (
    DEEP_MIN_SIDE,
    DeepFeatures,
    distance_between,
    load_deep_features,
    realism_of,
)
from percov2_demo.metrics.distortion import MS_SSIM_MIN_SIDE, colour_shift, ms_ssim, psnr
from percov2_demo.metrics.picture import check_pair


@dataclass(frozen=True)
class Metric:
    """What a number between two pictures means.

    Attributes:
        name: The metric's name in tables and files.
        label: The name that people read.
        unit: Unit of the number; empty where it has none.
        better: Which numbers are better.
        kind: What it looks at. Perception is what orders damages as an eye does: `tests/metrics/test_ladder.py` holds
            every metric of that kind to it, and no other metric passes.
        source: Who defined it.
    """

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower"]
    kind: Literal["distortion", "perception", "colour", "meaning"]
    source: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", "dB", "higher", "distortion", "mean squared error over RGB, peak 1"),
        Metric("ms_ssim", "MS-SSIM", "", "higher", "distortion", "Wang et al., Asilomar 2003"),
        Metric("lpips", "LPIPS", "", "lower", "distortion", "Zhang et al., CVPR 2018, AlexNet, version 0.1"),
        Metric(
            "deep_distance",
            "Deep distance",
            "",
            "lower",
            "perception",
            "as LPIPS, but with features of EfficientNet-Lite2 (ImageNet) and no learned weights; 0 is alike",
        ),
        Metric(
            "deep_realism",
            "Deep realism",
            "",
            "lower",
            "perception",
            "Mahalanobis distance of features of EfficientNet-Lite2 from those of other photos; 1 is an average photo",
        ),
        Metric(
            "colour_shift",
            "Colour shift",
            "ΔE00",
            "lower",
            "colour",
            "CIEDE2000 (Sharma et al., 2005) of means over 16x16 pixels",
        ),
        Metric(
            "clip_score",
            "CLIP score",
            "",
            "higher",
            "meaning",
            "100 times the cosine, after Hessel et al., EMNLP 2021, whose factor is 2.5",
        ),
        Metric(
            "clip_similarity",
            "CLIP similarity",
            "",
            "higher",
            "meaning",
            "cosine of image embeddings of Radford et al., 2021",
        ),
    )
}
"""The metrics of one pair of pictures, by name; `deep_realism` is of the reconstruction alone, `clip_score` of a
picture and a text."""


class Reference:
    """An original that reconstructions are measured against; what they all need of it is computed once.

    Args:
        original: Picture `(3, H, W)` in [0, 1].
    """

    def __init__(self, original: Tensor) -> None:
        self.original = original

    @property
    def realism(self) -> float | None:
        """Deep realism of the original itself; None of a small picture."""
        return realism_of(self._features) if min(self.original.shape[-2:]) >= DEEP_MIN_SIDE else None

    def measure(self, reconstruction: Tensor) -> dict[str, float | None]:
        """Measure a reconstruction by all metrics that come with this package.

        Args:
            reconstruction: Picture of the original's size, in [0, 1].

        Returns:
            The metrics by name; None where the pictures are too small for one.

        Raises:
            MetricError: The sizes differ, or the weights of the deep metrics are missing.
        """
        check_pair(self.original, reconstruction)
        side = min(reconstruction.shape[-2:])
        features = load_deep_features()(reconstruction) if side >= DEEP_MIN_SIDE else None
        return {
            "psnr": psnr(self.original, reconstruction),
            "ms_ssim": ms_ssim(self.original, reconstruction) if side >= MS_SSIM_MIN_SIDE else None,
            "deep_distance": None if features is None else distance_between(self._features, features),
            "deep_realism": None if features is None else realism_of(features),
            "colour_shift": colour_shift(self.original, reconstruction),
        }

    def deep_distance(self, reconstruction: Tensor) -> float:
        """Measure the deep distance alone, see `deep.deep_distance`."""
        check_pair(self.original, reconstruction)
        return distance_between(self._features, load_deep_features()(reconstruction))

    @cached_property
    def _features(self) -> DeepFeatures:
        return load_deep_features()(self.original)


def measure(original: Tensor, reconstruction: Tensor) -> dict[str, float | None]:
    """Measure one pair, see `Reference.measure`."""
    return Reference(original).measure(reconstruction)
