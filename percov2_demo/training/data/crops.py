"""Crops of photos with a caption each, read from shards of any size while the networks are at work."""

import io
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from percov2_demo.data.shards import PhotoShards
from percov2_demo.errors import InputError
from percov2_demo.training.data.determinism import Share
from percov2_demo.training.data.photos import BalancedSampler


Shapes = Sequence[tuple[int, int, float]]


class PhotoBatch(NamedTuple):
    """Pictures `(B, 3, H, W)` uint8 with a caption each, empty where it was dropped."""

    pixels: Tensor
    captions: list[str]


class _Samples(Dataset):
    """Samples by step, number in the step's batch, and number of the photo."""

    ATTEMPTS = 100
    """Photos that are tried, one after the other, where one cannot be read."""

    def __init__(self, photos: PhotoShards, shapes: Shapes, caption_dropout: float, seed: int):
        self.photos, self.shapes, self.caption_dropout, self.seed = photos, shapes, caption_dropout, seed
        self.shares = np.array([share for *_, share in shapes]) / sum(share for *_, share in shapes)

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[np.ndarray, str]:
        step, position, number = key
        shape = np.random.default_rng((self.seed, 1, step)).choice(len(self.shapes), p=self.shares)
        height, width, _ = self.shapes[shape]
        image, captions = self._read(number)
        rng = np.random.default_rng((self.seed, 2, step, position))
        pixels = random_view(image, height, width, rng)
        keeps = captions and rng.random() >= self.caption_dropout
        return pixels, captions[rng.integers(len(captions))] if keeps else ""

    def _read(self, number: int) -> tuple[Image.Image, tuple[str, ...]]:
        for other in range(number, number + self.ATTEMPTS):
            photo = self.photos[other % len(self.photos)]
            try:
                return Image.open(io.BytesIO(photo.data)).convert("RGB"), photo.captions
            except (OSError, Image.DecompressionBombError):
                # Among millions of photos some are broken; the next one takes its place.
                continue
        raise InputError(f"{self.photos.file(number)} and the photos after it cannot be read: check the shards")


class _Keys:
    """The keys of a process's samples, a list for each step, without end."""

    def __init__(self, sampler: BalancedSampler, batch_size: int, positions: range, first: int):
        self.sampler, self.batch_size, self.positions, self.first = sampler, batch_size, positions, first

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        for step in count(self.first):
            numbers, _ = self.sampler.draw(step, self.batch_size)
            yield [(step, position, int(numbers[position])) for position in self.positions]


class PhotoBatches:
    """Batches of photo crops; a sample depends on seed, step and its number in the global batch alone.

    Args:
        photos: The photos.
        shapes: `(height, width, share)` in pixels: shapes and how often each is drawn.
        batch_size: Samples in a global batch.
        groups: Groups that a batch is split into, which every share has its part of.
        caption_dropout: Share of the captions that are replaced by the empty one.
        seed: Seed of the data order.
        share: This process's part of each batch.
        workers: Processes that read ahead; 0 to read when a batch is asked for.
    """

    def __init__(
        self,
        photos: PhotoShards,
        shapes: Shapes,
        batch_size: int,
        groups: int,
        caption_dropout: float,
        seed: int,
        share: Share,
        workers: int,
    ):
        self.samples = _Samples(photos, shapes, caption_dropout, seed)
        self.sampler = BalancedSampler(photos.sources, seed)
        self.batch_size, self.groups, self.share, self.workers = batch_size, groups, share, workers
        self._step, self._batch = -1, PhotoBatch(torch.empty(0), [])
        self._batches: Iterator[PhotoBatch] = iter(())

    def __call__(self, step: int, share: Share) -> PhotoBatch:
        """Load a share of a step's batch, which lies within this process's.

        Raises:
            InputError: The batch cannot be shared out evenly.
        """
        share.numbers(self.batch_size, self.groups)
        if step != self._step:
            if step != self._step + 1 or self._step < 0:
                self._batches = iter(self._loader(step))
            self._batch, self._step = next(self._batches), step
        part = Share(share.number // self.share.count, share.count // self.share.count)
        return PhotoBatch(part.take(self._batch.pixels), part.take(self._batch.captions))

    def _loader(self, first: int) -> DataLoader:
        positions = self.share.numbers(self.batch_size, self.groups)
        keys = _Keys(self.sampler, self.batch_size, positions, first)
        return DataLoader(self.samples, batch_sampler=keys, num_workers=self.workers, collate_fn=_collate)


def random_view(image: Image.Image, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Scale a picture to just cover a shape, crop it to that at random, and mirror it half of the time."""
    scale = max(height / image.height, width / image.width)
    size = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    left, top = (rng.integers(free + 1) for free in (size[0] - width, size[1] - height))
    pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS))[top : top + height, left : left + width]
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def _collate(samples: list[tuple[np.ndarray, str]]) -> PhotoBatch:
    pixels = torch.from_numpy(np.stack([pixels for pixels, _ in samples])).permute(0, 3, 1, 2)
    return PhotoBatch(pixels, [caption for _, caption in samples])
