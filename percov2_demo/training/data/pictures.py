"""Batches of pictures in pixels, with captions that may name an edit of what is sent."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from percov2_demo.data.shards import Photo
from percov2_demo.training.data.edits import EDITS, introduce
from percov2_demo.training.data.photos import BalancedSampler, to_tensor


class PictureBatch(NamedTuple):
    """Samples of one shape.

    Args:
        pictures: `(B, 3, H, W)` in [-1, 1], what is to come out.
        sources: `(B, 3, H, W)`, what is sent: the same, or what was there before an edit.
        captions: What is sent with the indices; names the edit, if there is one.
    """

    pictures: Tensor
    sources: Tensor
    captions: list[str]


class PictureBatches(Dataset):
    """Batches of photo crops at scales between the photo's own and the one that just holds the crop.

    An edited sample's caption names the edit, and a plain caption never comes with an edited picture, so that colours
    do not fade where nothing is asked for.

    Args:
        photos: The photos.
        shapes: `(height, width, share, batch_size)` in pixels: shapes and how often each is drawn; those that no photo
            holds are left out.
        caption_dropout: Share of the captions that are replaced by the empty one.
        edited: Share of the captioned samples whose caption names an edit.
        resent: Share of these whose indices are those of the edited picture.
        seed: Seed of the data order.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        shapes: Sequence[tuple[int, int, float, int]],
        caption_dropout: float,
        edited: float,
        resent: float,
        seed: int,
    ):
        self.photos, self.seed = photos, seed
        self.caption_dropout, self.edited, self.resent = caption_dropout, edited, resent
        sizes = [photo.size() for photo in photos]
        fitting = [[n for n, (w, h) in enumerate(sizes) if w >= width and h >= height] for height, width, *_ in shapes]
        usable = [index for index, numbers in enumerate(fitting) if numbers]
        self.shapes, self.numbers = [shapes[index] for index in usable], [fitting[index] for index in usable]
        self.samplers = [BalancedSampler([photos[n].source for n in numbers], seed) for numbers in self.numbers]
        self.shares = np.array([share for _, _, share, _ in self.shapes])
        self.shares /= self.shares.sum()

    def __getitem__(self, step: int) -> PictureBatch:
        """Return the batch of one step."""
        shape = np.random.default_rng((self.seed, 1, step)).choice(len(self.shapes), p=self.shares)
        height, width, _, batch_size = self.shapes[shape]
        chosen, rng = self.samplers[shape].draw(step, batch_size)
        pictures, sources, captions = [], [], []
        for photo in (self.photos[self.numbers[shape][index]] for index in chosen):
            picture = source = random_scale_crop(photo.pixels(), height, width, rng)
            caption = ""
            if rng.random() >= self.caption_dropout:
                caption = introduce(photo.captions[rng.integers(len(photo.captions))], rng)
                if rng.random() < self.edited:
                    edit = EDITS[rng.integers(len(EDITS))]
                    picture, caption = edit(source, rng), edit.describe(caption, rng)
                    if rng.random() < self.resent:
                        source = picture
            pictures.append(picture)
            sources.append(source)
            captions.append(caption)
        return PictureBatch(to_tensor(np.stack(pictures)), to_tensor(np.stack(sources)), captions)


class ReadAhead:
    """Batches made by processes of their own while the networks are at work.

    Args:
        batches: The batches by step.
        workers: Processes; 0 to make a batch when it is asked for.
    """

    def __init__(self, batches: PictureBatches, workers: int):
        self._batches, self._workers = batches, workers
        self._step = -1
        self._coming: Iterator[PictureBatch] = iter(())

    def __call__(self, step: int) -> PictureBatch:
        """Return the batch of one step; steps in their order are quick."""
        if step != self._step:
            self._coming = iter(
                DataLoader(self._batches, batch_size=None, sampler=count(step), num_workers=self._workers)
            )
        self._step = step + 1
        return next(self._coming)


def random_scale_crop(pixels: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Cut a random part out of a photo `(H, W, 3)` uint8, bring it to a size, and mirror half of them.

    The part's scale lies between the photo's own and the one at which the photo just covers the size.
    """
    largest = min(pixels.shape[0] / height, pixels.shape[1] / width)
    scale = largest ** rng.random()
    rows, columns = round(scale * height), round(scale * width)
    top, left = (int(rng.integers(free + 1)) for free in (pixels.shape[0] - rows, pixels.shape[1] - columns))
    part = pixels[top : top + rows, left : left + columns]
    if (rows, columns) != (height, width):
        part = np.asarray(Image.fromarray(part).resize((width, height), Image.Resampling.LANCZOS))
    return part[:, ::-1] if rng.random() < 0.5 else part
