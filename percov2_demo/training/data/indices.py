"""Encode photos as maps of indices once, and load batches of crops of them for the entropy model."""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers import ModelMixin
from PIL import Image, ImageOps
from safetensors import safe_open
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from percov2_demo.data.shards import PhotoShards
from percov2_demo.errors import InputError
from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.presets import SIDE_MULTIPLE, get_preset
from percov2_demo.training.data.encoded import save_encoded
from percov2_demo.training.data.photos import BalancedSampler


PART_PHOTOS = 2048
"""Photos that are encoded into one file."""


class _View(NamedTuple):
    """What is shown of a photo: that, mirrored or not, scaled to a size in pixels, and the crop of it."""

    number: int
    is_mirrored: bool
    width: int
    height: int
    left: int
    top: int
    columns: int
    rows: int


class _Views(Dataset):
    """The pixels of views, `(rows, columns, 3)` uint8, with the view's position; None for a photo that is broken."""

    def __init__(self, photos: PhotoShards, views: Sequence[_View]):
        self.photos, self.views = photos, views

    def __getitem__(self, position: int) -> tuple[int, np.ndarray] | None:
        view = self.views[position]
        try:
            image = Image.open(io.BytesIO(self.photos[view.number].data)).convert("RGB")
        except OSError:
            return None
        if view.is_mirrored:
            image = ImageOps.mirror(image)
        box = (view.left, view.top, view.left + view.columns, view.top + view.rows)
        return position, np.asarray(image.resize((view.width, view.height), Image.Resampling.LANCZOS).crop(box))


@torch.inference_mode()
def encode_indices(
    photos: PhotoShards,
    numbers: Iterable[int],
    vae: ModelMixin,
    hyper_codec: HyperCodec,
    encoder: str,
    path: Path,
    sides: Sequence[int],
    seed: int,
    device: torch.device,
    batch_size: int = 1,
    workers: int = 0,
) -> None:
    """Write photos' index maps, for every preset, to one safetensors file; photos that are broken are left out.

    A preset's maps stand end to end in one int16 tensor of its name. `sizes` are the photos' rows and columns in units
    of 64 pixels, `(photos, 2)`, and `sources` the numbers of their sources in the list in the file's metadata.

    Args:
        photos: Photos.
        numbers: Which of them to encode.
        vae: The autoencoder.
        hyper_codec: The hyper-codec whose indices are wanted.
        encoder: Their `encoder_fingerprint`.
        path: The file to write.
        sides: Short sides in pixels, multiples of 64, from which one is drawn for each photo; a photo is resized to
            up to an eighth more and cropped at random. Half of the photos are mirrored.
        seed: Seed of the draws.
        device: Where the networks run.
        batch_size: Photos that are encoded at once; they are cropped to the same shape.
        workers: Processes that decode photos ahead; 0 to decode when a batch is due.
    """
    views = _draw_views(photos, numbers, sides, np.random.default_rng(seed))
    batches = _batches_of_a_shape(views, batch_size)
    loader = DataLoader(_Views(photos, views), batch_sampler=batches, num_workers=workers, collate_fn=_collate)
    presets = hyper_codec.config.presets
    maps: dict[int, tuple[Tensor, ...]] = {}
    for positions, pixels in tqdm(loader, desc=f"{path.parent.name}/{path.stem}", unit="batch", disable=None):
        if positions:
            latents = scaled_latents(vae, pixels.to(device).float() / 127.5 - 1)
            encoded = [hyper_codec.encode(latents, preset).flatten(1).to("cpu", torch.int16) for preset in presets]
            maps |= zip(positions, zip(*encoded, strict=True), strict=True)
    # In the photos' order, so that the draws in training do not depend on the size of batches.
    kept = [(views[position], maps[position]) for position in sorted(maps)]
    nothing = torch.empty(0, dtype=torch.int16)
    tensors = {preset: torch.cat([nothing, *(found[at] for _, found in kept)]) for at, preset in enumerate(presets)}
    sizes = [(view.rows // SIDE_MULTIPLE, view.columns // SIDE_MULTIPLE) for view, _ in kept]
    names, sources = np.unique(photos.sources[[view.number for view, _ in kept]], return_inverse=True)
    tensors |= {
        "sizes": torch.tensor(sizes, dtype=torch.int32).view(-1, 2),
        "sources": torch.from_numpy(sources.astype(np.int32)),
    }
    save_encoded(path, tensors, encoder, sources=json.dumps([name.decode() for name in names]))


def _draw_views(
    photos: PhotoShards, numbers: Iterable[int], sides: Sequence[int], rng: np.random.Generator
) -> list[_View]:
    """Draw a view of each photo, its short side `side`, its long side at most a quarter more, in multiples of 64."""
    views = []
    for number in numbers:
        try:
            with Image.open(io.BytesIO(photos[number].data)) as image:
                width, height = image.size
        except (OSError, Image.DecompressionBombError):
            # Among millions of photos some are broken.
            continue
        side = int(rng.choice(sides))
        scale = side * rng.uniform(1, 1.125) / min(height, width)
        is_mirrored = bool(rng.random() < 0.5)
        width, height = round(width * scale), round(height * scale)
        rows, columns = (min(length, side * 5 // 4) // SIDE_MULTIPLE * SIDE_MULTIPLE for length in (height, width))
        top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        views.append(_View(number, is_mirrored, width, height, left, top, columns, rows))
    return views


def _batches_of_a_shape(views: Sequence[_View], batch_size: int) -> list[list[int]]:
    """Group the views' positions in batches of one shape."""
    shapes: dict[tuple[int, int], list[int]] = {}
    for position, view in enumerate(views):
        shapes.setdefault((view.rows, view.columns), []).append(position)
    return [
        positions[first : first + batch_size]
        for positions in shapes.values()
        for first in range(0, len(positions), batch_size)
    ]


def _collate(samples: list[tuple[int, np.ndarray] | None]) -> tuple[list[int], Tensor]:
    """Collate positions, and pictures `(B, 3, H, W)` uint8."""
    read = [sample for sample in samples if sample is not None]
    if not read:
        return [], torch.empty(0)
    return [position for position, _ in read], torch.from_numpy(np.stack([p for _, p in read])).permute(0, 3, 1, 2)


class IndexBatches:
    """Batches of crops of index maps, for every preset at once; the maps stay in their files until they are cropped.

    A crop starts at a multiple of the preset's share of 64 pixels, as the maps do; the encoders see across a crop's
    border, which a map of its own would not have, but hardly further than one index.

    Args:
        paths: Files written by `encode_indices`.
        shapes: For each preset `(rows, columns, share, batch_size)`: crops and how often they are drawn.
        seed: Seed of the data order.

    Raises:
        InputError: There are no maps.
    """

    def __init__(self, paths: Iterable[Path], shapes: dict[str, Sequence[tuple[int, int, float, int]]], seed: int):
        self.seed, self.shapes = seed, shapes
        self._maps: list[dict[str, Tensor]] = []
        sizes, sources = [], []
        names: dict[str, int] = {}
        for path in sorted(paths):
            with safe_open(path, "pt") as file:
                # Mapped to the file: the processes of a machine share one copy, and read what they crop.
                self._maps.append({preset: file.get_tensor(preset) for preset in shapes})
                sizes.append(file.get_tensor("sizes").numpy())
                known = [names.setdefault(name, len(names)) for name in json.loads(file.metadata()["sources"])]
                sources.append(np.array(known, np.int32)[file.get_tensor("sources").numpy()])
        if not any(map(len, sizes)):
            raise InputError("there are no index maps: run the indices stage first")
        self._files = np.repeat(np.arange(len(sizes), dtype=np.int32), [len(part) for part in sizes])
        self._sizes = np.concatenate(sizes)
        self._starts = np.concatenate([np.cumsum(part.prod(1)) - part.prod(1) for part in sizes])
        source_of = np.concatenate(sources)
        self.candidates = {}
        for preset, crops in shapes.items():
            for rows, columns, *_ in crops:
                fitting = np.flatnonzero((self._sizes * _indices_along(preset) >= (rows, columns)).all(1))
                self.candidates[preset, rows, columns] = fitting, BalancedSampler(source_of[fitting], seed)

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Load indices `(B, rows, columns)` int64 by preset."""
        rng = np.random.default_rng((self.seed, 1, step))
        return {preset: self._crops(preset, shapes, step, rng) for preset, shapes in self.shapes.items()}

    def _crops(self, preset: str, shapes: Sequence, step: int, rng: np.random.Generator) -> Tensor:
        shares = np.array([share for _, _, share, _ in shapes])
        rows, columns, _, batch_size = shapes[rng.choice(len(shapes), p=shares / shares.sum())]
        fitting, sampler = self.candidates[preset, rows, columns]
        crops = []
        for index in sampler.draw(step, batch_size)[0]:
            indices = self._map(preset, fitting[index])
            top = rng.integers(indices.shape[0] - rows + 1)
            left = rng.integers(indices.shape[1] - columns + 1)
            crops.append(indices[top : top + rows, left : left + columns])
        return torch.stack(crops).long()

    def _map(self, preset: str, number: int) -> Tensor:
        """Load a photo's indices `(rows, columns)` int16."""
        rows, columns = (int(length) * _indices_along(preset) for length in self._sizes[number])
        start = int(self._starts[number]) * _indices_along(preset) ** 2
        return self._maps[self._files[number]][preset][start : start + rows * columns].view(rows, columns)


def _indices_along(preset: str) -> int:
    """Return the indices of a preset along 64 pixels."""
    return SIDE_MULTIPLE // get_preset(preset).stride
