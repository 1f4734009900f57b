"""Photos encoded once, so that the flow stages do not run the autoencoder again in each step."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.training.autoencoder import to_tensor
from percov2_demo.training.data import BalancedSampler, Photo


STRIDE = 8


@torch.inference_mode()
def encode_photos(
    photos: Sequence[Photo], vae: PatchAutoencoder, path: Path, sides: tuple[int, int], device: torch.device
) -> None:
    """Writes the raw latents of all photos to one safetensors file, half precision, keyed by the photo's number.

    Args:
        photos: The photos.
        vae: The autoencoder.
        path: The file to write.
        sides: Range of the short side in pixels that a photo is resized to, drawn for each photo; photos whose short
            side is larger keep their size. Half of the photos are mirrored.
        device: Where the autoencoder runs.
    """
    rng = np.random.default_rng(0)
    latents = {}
    for number, photo in enumerate(tqdm(photos, desc="encoding photos", unit="photo", disable=None)):
        pixels = photo.pixels()
        height, width = pixels.shape[:2]
        side = max(min(height, width), int(rng.integers(sides[0], sides[1] + 1)))
        scale = side / min(height, width)
        image = Image.fromarray(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
        size = [max(STRIDE, round(length * scale) // STRIDE * STRIDE) for length in (width, height)]
        resized = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        raw = vae.encode(to_tensor(resized[None]).to(device, vae.dtype)).latents[0]
        latents[str(number)] = raw.to("cpu", torch.float16).contiguous()
    save_file(latents, path)


def latent_statistics(path: Path) -> tuple[float, float]:
    """`(shift, scale)` that give the latents of a file zero mean and unit variance over all channels."""
    total, squares, count = 0.0, 0.0, 0
    with safe_open(path, "pt") as file:
        keys = file.keys()
        for key in keys:
            values = file.get_tensor(key).double()
            total, squares, count = total + values.sum(), squares + values.square().sum(), count + values.numel()
    mean = total / count
    return float(mean), float((squares / count - mean**2) ** -0.5)


class LatentBatches:
    """Batches of latent crops with one caption each, all samples of a batch of one shape.

    Args:
        path: File written by `encode_photos`.
        photos: The photos it was made of.
        shift: Subtracted from the raw latents.
        scale: Multiplied after that.
        shapes: `(height, width, share, batch_size)` in latent positions: shapes and how often each is drawn.
        caption_dropout: Share of the captions that are replaced by the empty one.
        seed: Seed of the data order.
    """

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
        self.captions = [photo.captions for photo in photos]
        self.shift, self.scale, self.shapes = shift, scale, shapes
        self.caption_dropout, self.seed = caption_dropout, seed
        self.shares = np.array([share for _, _, share, _ in shapes]) / sum(share for _, _, share, _ in shapes)
        self.numbers, self.samplers = [], []
        for height, width, *_ in shapes:
            fitting = [n for n, raw in enumerate(self.latents) if raw.shape[1] >= height and raw.shape[2] >= width]
            self.numbers.append(fitting)
            self.samplers.append(BalancedSampler([photos[number].source for number in fitting], seed))

    def __call__(self, step: int) -> tuple[Tensor, list[str]]:
        """Scaled latents `(B, C, H, W)` and captions of one step."""
        shape = np.random.default_rng((self.seed, 1, step)).choice(len(self.shapes), p=self.shares)
        height, width, _, batch_size = self.shapes[shape]
        chosen, rng = self.samplers[shape].draw(step, batch_size)
        crops, captions = [], []
        for number in (self.numbers[shape][index] for index in chosen):
            raw = self.latents[number]
            top, left = rng.integers(raw.shape[1] - height + 1), rng.integers(raw.shape[2] - width + 1)
            crops.append(raw[:, top : top + height, left : left + width])
            dropped = rng.random() < self.caption_dropout
            captions.append("" if dropped else self.captions[number][rng.integers(len(self.captions[number]))])
        return (torch.stack(crops).float() - self.shift) * self.scale, captions
