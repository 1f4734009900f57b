"""Encode photos as latents once, so that the flow stages do not run the autoencoder again in each step."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers import ModelMixin
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from percov2_demo.data.shards import Photo
from percov2_demo.files.atomic import atomic_path
from percov2_demo.models.autoencoder import LATENT_STRIDE, PatchAutoencoder, scaled_latents
from percov2_demo.training.data.edits import EDITS
from percov2_demo.training.data.encoded import encoder_fingerprint, save_encoded
from percov2_demo.training.data.photos import BalancedSampler, to_tensor


VIEWS = ("plain", "mirrored")


@torch.inference_mode()
def encode_photos(
    photos: Sequence[Photo],
    vae: PatchAutoencoder,
    path: Path,
    sides: tuple[int, int],
    edited_share: float,
    seed: int,
    device: torch.device,
) -> None:
    """Write the raw latents of all photos to one safetensors file, half precision.

    A photo's key is its number; that of its edited version has the number of the edit after a full stop.

    Args:
        photos: The photos.
        vae: The autoencoder.
        path: The file to write.
        sides: Range of the short side in pixels that a photo is resized to, drawn for each photo; photos whose short
            side is larger keep their size. Half of the photos are mirrored.
        edited_share: Share of the photos that are encoded a second time, edited by one of `EDITS`.
        seed: Seed of all draws.
        device: Where the autoencoder runs.
    """
    rng = np.random.default_rng(seed)
    latents = {}
    for number, photo in enumerate(tqdm(photos, desc="encoding photos", unit="photo", disable=None)):
        pixels = photo.pixels()
        height, width = pixels.shape[:2]
        side = max(min(height, width), int(rng.integers(sides[0], sides[1] + 1)))
        scale = side / min(height, width)
        image = Image.fromarray(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
        size = [max(1, round(length * scale) // LATENT_STRIDE) * LATENT_STRIDE for length in (width, height)]
        versions = {str(number): np.asarray(image.resize(size, Image.Resampling.LANCZOS))}
        if rng.random() < edited_share:
            edit = int(rng.integers(len(EDITS)))
            versions[f"{number}.{edit}"] = EDITS[edit](versions[str(number)], rng)
        for key, version in versions.items():
            raw = vae.encode(to_tensor(version[None]).to(device, vae.dtype)).latents[0]
            latents[key] = raw.to("cpu", torch.float16).contiguous()
    with atomic_path(path) as partial:
        save_file(latents, partial)


@torch.inference_mode()
def encode_both_ways(photos: Sequence[Photo], vae: ModelMixin, path: Path, side: int, device: torch.device) -> None:
    """Write the scaled latents of whole photos, as they are and mirrored, to one safetensors file, half precision.

    Args:
        photos: The photos.
        vae: The autoencoder.
        path: The file to write; `plain` and `mirrored` are `(photos, C, side / 8, side / 8)`.
        side: Pixels that width and height of a photo are resized to, whatever its shape.
        device: Where the autoencoder runs.
    """
    shape = (len(photos), vae.config.latent_channels, side // LATENT_STRIDE, side // LATENT_STRIDE)
    views = {name: torch.empty(shape, dtype=torch.float16) for name in VIEWS}
    for number, photo in enumerate(tqdm(photos, desc=path.stem, unit="photo", disable=None)):
        pixels = np.asarray(Image.fromarray(photo.pixels()).resize((side, side), Image.Resampling.LANCZOS))
        both = to_tensor(np.stack([pixels, pixels[:, ::-1]])).to(device, memory_format=torch.channels_last)
        for latents, view in zip(scaled_latents(vae, both), views.values(), strict=True):
            view[number] = latents
    save_encoded(path, views, encoder_fingerprint(vae))


def latent_statistics(path: Path) -> tuple[float, float]:
    """Return `(shift, scale)` that give a file's latents zero mean and unit variance over all channels."""
    total, squares, count = 0.0, 0.0, 0
    with safe_open(path, "pt") as file:
        for key in (key for key in file.keys() if "." not in key):  # noqa: SIM118
            values = file.get_tensor(key).double()
            total, squares, count = total + values.sum(), squares + values.square().sum(), count + values.numel()
    mean = total / count
    return float(mean), float((squares / count - mean**2) ** -0.5)


class LatentBatch(NamedTuple):
    """Samples of one shape.

    Args:
        latents: Scaled latents `(B, C, H, W)`, the pictures that are to come out.
        sources: Scaled latents `(B, C, H, W)` whose indices are sent: the same, or those before an edit.
        captions: What is sent with the indices; names the edit, if there is one.
    """

    latents: Tensor
    sources: Tensor
    captions: list[str]


class LatentBatches:
    """Batches of latent crops with one caption each.

    Where a photo has an edited version, half of its captioned samples show that; most of these have the indices of the
    unedited photo, so that only the caption tells of the edit.

    Args:
        path: File written by `encode_photos`.
        photos: The photos it was made of.
        shift: Subtracted from the raw latents.
        scale: Multiplied after that.
        shapes: `(height, width, share, batch_size)` in latent positions: shapes and how often each is drawn.
        caption_dropout: Share of the captions that are replaced by the empty one.
        seed: Seed of the data order.
    """

    EDITED, REWRITTEN = 0.5, 0.8

    def __init__(
        self,
        path: Path,
        photos: Sequence[Photo],
        shift: float,
        scale: float,
        shapes: Sequence[tuple[int, int, float, int]],
        caption_dropout: float,
        seed: int,
    ):
        with safe_open(path, "pt") as file:
            self.latents = [file.get_tensor(str(number)) for number in range(len(photos))]
            edited = [key.split(".") for key in file.keys() if "." in key]  # noqa: SIM118
            self.edited = {int(n): (EDITS[int(e)], file.get_tensor(f"{n}.{e}")) for n, e in edited}
        self.captions = [photo.captions for photo in photos]
        self.shift, self.scale, self.shapes = shift, scale, shapes
        self.caption_dropout, self.seed = caption_dropout, seed
        self.shares = np.array([share for _, _, share, _ in shapes]) / sum(share for _, _, share, _ in shapes)
        self.numbers, self.samplers = [], []
        for height, width, *_ in shapes:
            fitting = [n for n, raw in enumerate(self.latents) if raw.shape[1] >= height and raw.shape[2] >= width]
            self.numbers.append(fitting)
            self.samplers.append(BalancedSampler([photos[number].source for number in fitting], seed))

    def __call__(self, step: int) -> LatentBatch:
        """Load the batch of one step."""
        shape = np.random.default_rng((self.seed, 1, step)).choice(len(self.shapes), p=self.shares)
        height, width, _, batch_size = self.shapes[shape]
        chosen, rng = self.samplers[shape].draw(step, batch_size)
        latents, sources, captions = [], [], []
        for number in (self.numbers[shape][index] for index in chosen):
            latent = source = self.latents[number]
            dropped = rng.random() < self.caption_dropout
            caption = "" if dropped else self.captions[number][rng.integers(len(self.captions[number]))]
            if number in self.edited and not dropped and rng.random() < self.EDITED:
                edit, latent = self.edited[number]
                caption = edit.describe(caption, rng)
                if rng.random() >= self.REWRITTEN:
                    source = latent
            top, left = rng.integers(latent.shape[1] - height + 1), rng.integers(latent.shape[2] - width + 1)
            window = (slice(None), slice(top, top + height), slice(left, left + width))
            latents.append(latent[window])
            sources.append(source[window])
            captions.append(caption)
        return LatentBatch(self._scaled(latents), self._scaled(sources), captions)

    def _scaled(self, crops: list[Tensor]) -> Tensor:
        return (torch.stack(crops).float() - self.shift) * self.scale
