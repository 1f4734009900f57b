"""Captioned photos from webdataset tar shards, sampled in an order that depends on the seed and the step alone."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Photo:
    """One encoded photo of a shard, with its captions and the name of the collection it comes from."""

    data: bytes
    captions: tuple[str, ...]
    source: str

    def pixels(self) -> np.ndarray:
        """The decoded photo, `(H, W, 3)` uint8."""
        with Image.open(io.BytesIO(self.data)) as image:
            return np.asarray(image.convert("RGB"))


def read_shard(path: Path) -> list[Photo]:
    """All photos of one tar shard, in the order of the shard."""
    pictures: dict[str, bytes] = {}
    records: dict[str, dict] = {}
    with tarfile.open(path) as shard:
        for member in shard:
            key, _, extension = member.name.partition(".")
            data = shard.extractfile(member).read()
            if extension == "json":
                records[key] = json.loads(data)
            else:
                pictures[key] = data
    return [Photo(data, tuple(records[key]["captions"]), records[key]["source"]) for key, data in pictures.items()]


def read_shards(paths: Iterable[Path]) -> list[Photo]:
    """All photos of several shards.

    Raises:
        ValueError: There is no photo in `paths`.
    """
    photos = [photo for path in sorted(paths) for photo in read_shard(path)]
    if not photos:
        raise ValueError("no training photos found: give a folder that holds train-*.tar shards")
    return photos


class BalancedSampler:
    """Draws photo numbers so that a source with n photos is seen in proportion to the square root of n."""

    def __init__(self, sources: Iterable[str], seed: int):
        sources = list(sources)
        sizes = Counter(sources)
        weights = np.array([sizes[source] ** -0.5 for source in sources])
        self.probabilities = weights / weights.sum()
        self.seed = seed

    def draw(self, step: int, count: int) -> tuple[np.ndarray, np.random.Generator]:
        """The `count` photo numbers of a step and the generator for all other choices of that step."""
        rng = np.random.default_rng((self.seed, step))
        return rng.choice(len(self.probabilities), size=count, p=self.probabilities), rng


def random_crop(pixels: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square crop, mirrored half of the time; a photo smaller than `size` is enlarged first."""
    height, width = pixels.shape[:2]
    if min(height, width) < size:
        scale = size / min(height, width)
        image = Image.fromarray(pixels).resize((max(size, round(width * scale)), max(size, round(height * scale))))
        pixels = np.asarray(image)
        height, width = pixels.shape[:2]
    top, left = rng.integers(height - size + 1), rng.integers(width - size + 1)
    crop = pixels[top : top + size, left : left + size]
    return crop[:, ::-1] if rng.random() < 0.5 else crop
