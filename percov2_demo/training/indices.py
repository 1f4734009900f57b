"""Photos as maps of indices, encoded once, and batches of crops of them for the entropy model."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import ModelMixin
from PIL import Image
from safetensors import safe_open
from torch import Tensor
from tqdm import tqdm

from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.presets import SIDE_MULTIPLE
from percov2_demo.training.autoencoder import to_tensor
from percov2_demo.training.data import BalancedSampler, Photo
from percov2_demo.training.encoded import encoder_fingerprint, save_encoded


@torch.inference_mode()
def encode_indices(
    photos: Sequence[Photo],
    vae: ModelMixin,
    hyper_codec: HyperCodec,
    path: Path,
    sides: Sequence[int],
    seed: int,
    device: torch.device,
) -> None:
    """Writes the index maps of all photos, for every preset, to one safetensors file.

    Args:
        photos: The photos.
        vae: The autoencoder.
        hyper_codec: The hyper-codec whose indices are wanted.
        path: The file to write; int16 maps under `preset.number`, the photos' sources in its metadata.
        sides: Short sides in pixels, multiples of 64, from which one is drawn for each photo; a photo is resized to
            up to an eighth more and cropped at random. Half of the photos are mirrored.
        seed: Seed of the draws.
        device: Where the networks run.
    """
    rng = np.random.default_rng(seed)
    maps, sources = {}, []
    for number, photo in enumerate(tqdm(photos, desc=path.stem, unit="photo", disable=None)):
        pixels = _crop(photo.pixels(), int(rng.choice(sides)), rng)
        latents = scaled_latents(vae, to_tensor(pixels[None]).to(device, memory_format=torch.channels_last))
        sources.append(photo.source)
        for preset in hyper_codec.config.presets:
            indices = hyper_codec.encode(latents, preset)[0]
            maps[f"{preset}.{number}"] = indices.to("cpu", torch.int16).contiguous()
    save_encoded(path, maps, encoder_fingerprint(vae, hyper_codec), sources=json.dumps(sources))


def _crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A crop with a short side of `side` and a long side of at most a quarter more, in multiples of 64."""
    height, width = pixels.shape[:2]
    scale = side * rng.uniform(1, 1.125) / min(height, width)
    image = Image.fromarray(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
    resized = np.asarray(image.resize([round(length * scale) for length in (width, height)], Image.Resampling.LANCZOS))
    limit = side * 5 // 4
    rows, columns = (min(length, limit) // SIDE_MULTIPLE * SIDE_MULTIPLE for length in resized.shape[:2])
    top, left = (rng.integers(free + 1) for free in (resized.shape[0] - rows, resized.shape[1] - columns))
    return resized[top : top + rows, left : left + columns]


class IndexBatches:
    """Batches of crops of index maps, for every preset at once.

    A crop starts at a multiple of the preset's share of 64 pixels, as the maps do; the encoders see across a crop's
    border, which a map of its own would not have, but hardly further than one index.

    Args:
        paths: Files written by `encode_indices`.
        shapes: For each preset `(rows, columns, share, batch_size)`: crops and how often they are drawn.
        seed: Seed of the data order.
    """

    def __init__(self, paths: Iterable[Path], shapes: dict[str, Sequence[tuple[int, int, float, int]]], seed: int):
        self.seed, self.shapes = seed, shapes
        self.maps: dict[str, list[Tensor]] = {preset: [] for preset in shapes}
        sources: list[str] = []
        for path in sorted(paths):
            with safe_open(path, "pt") as file:
                count = len(shard := json.loads(file.metadata()["sources"]))
                sources += shard
                for preset, maps in self.maps.items():
                    maps += [file.get_tensor(f"{preset}.{number}") for number in range(count)]
        if not sources:
            raise ValueError("there are no index maps: run the indices stage first")
        self.candidates = {}
        for preset, crops in shapes.items():
            for rows, columns, *_ in crops:
                maps = self.maps[preset]
                fitting = [n for n, indices in enumerate(maps) if len(indices) >= rows and indices.shape[1] >= columns]
                sampler = BalancedSampler([sources[number] for number in fitting], seed)
                self.candidates[preset, rows, columns] = fitting, sampler

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Indices `(B, rows, columns)` int64 by preset."""
        rng = np.random.default_rng((self.seed, 1, step))
        return {preset: self._crops(preset, shapes, step, rng) for preset, shapes in self.shapes.items()}

    def _crops(self, preset: str, shapes: Sequence, step: int, rng: np.random.Generator) -> Tensor:
        shares = np.array([share for _, _, share, _ in shapes])
        rows, columns, _, batch_size = shapes[rng.choice(len(shapes), p=shares / shares.sum())]
        fitting, sampler = self.candidates[preset, rows, columns]
        crops = []
        for index in sampler.draw(step, batch_size)[0]:
            indices = self.maps[preset][fitting[index]]
            top = rng.integers(indices.shape[0] - rows + 1)
            left = rng.integers(indices.shape[1] - columns + 1)
            crops.append(indices[top : top + rows, left : left + columns])
        return torch.stack(crops).long()
