"""Measure what the deep features of real photos are like, for deep realism."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from tqdm import tqdm

from percov2_demo.data.shards import Photo
from percov2_demo.errors import InputError
from percov2_demo.metrics import load_deep_features, to_tensor
from percov2_demo.metrics.photo_statistics import PhotoStatistics


LARGE_SIDE, SMALL_SIDE = 512, 256
"""Sides in pixels of the squares that photos are scaled and cut to. Large ones are as the page and the evaluation show
pictures; small ones add content, for there are many more of them."""


def measure_photo_statistics(photos: Sequence[Photo], seed: int) -> PhotoStatistics:
    """Measure photos: all that are large enough for `LARGE_SIDE`, and as many others, drawn at random.

    Args:
        photos: The photos; those with a side below `SMALL_SIDE` are left out.
        seed: Seed of the draw.

    Raises:
        InputError: There are fewer than two photos.
        MetricError: The network's weights are missing.
    """
    sides = np.array([min(photo.size()) for photo in photos])
    large, small = np.flatnonzero(sides >= LARGE_SIDE), np.flatnonzero((sides >= SMALL_SIDE) & (sides < LARGE_SIDE))
    small = np.random.default_rng(seed).permutation(small)[: len(large)]
    chosen = [(number, LARGE_SIDE) for number in large] + [(number, SMALL_SIDE) for number in small]
    if len(chosen) < 2:
        raise InputError(f"statistics need photos: give some of at least {LARGE_SIDE} pixels a side")
    extract = load_deep_features()
    means = []
    for number, side in tqdm(chosen, desc="measuring photos", disable=None):
        picture = ImageOps.fit(Image.fromarray(photos[number].pixels()), (side, side), Image.Resampling.LANCZOS)
        means.append(extract(to_tensor(picture)).means)
    return PhotoStatistics.of(torch.stack(means))
