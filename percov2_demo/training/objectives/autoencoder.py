"""Stage 1: the autoencoder, from principal components of photo patches to a learned residual."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.data.shards import Photo
from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.data.photos import BalancedSampler, random_crop, to_tensor


class AutoencoderObjective(nn.Module):
    """Pixel and gradient fidelity, with noise on the latents so that decoding tolerates a sampler's errors.

    Args:
        autoencoder: The model to train.
        latent_noise: Largest standard deviation of the noise, relative to that of the latents.
    """

    def __init__(self, autoencoder: PatchAutoencoder, latent_noise: float):
        super().__init__()
        self.autoencoder = autoencoder
        self.latent_noise = latent_noise

    def forward(self, pixels: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Compute losses on pictures `(B, 3, H, W)` in [-1, 1]."""
        latents = self.autoencoder.encode(pixels).latents
        level = self.latent_noise * draws.uniform((len(latents), 1, 1, 1), latents.device)
        noise = level * latents.detach().std() * draws.normal(latents.shape, latents.device)
        reconstruction = self.autoencoder.decode(latents + noise).sample.float()
        error = reconstruction - pixels
        mse = error.square().mean()
        gradient = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        loss = mse.sqrt() + 0.5 * error.abs().mean() + 0.25 * gradient
        return {"loss": loss, "psnr": 10 * torch.log10(4 / mse)}


def principal_components(photos: list[Photo], count: int, patch_size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Compute the mean `(D,)` and the `count` leading components `(count, D)` of the photos' patches in [-1, 1]."""
    sampler = BalancedSampler([photo.source for photo in photos], seed)
    numbers, rng = sampler.draw(0, min(1500, 4 * len(photos)))
    crops = np.stack([random_crop(photos[number].pixels(), 16 * patch_size, rng) for number in numbers])
    pixels = to_tensor(crops)
    patches = F.pixel_unshuffle(pixels, patch_size).permute(0, 2, 3, 1).flatten(0, 2).double()
    mean = patches.mean(0)
    covariance = (patches - mean).T @ (patches - mean) / len(patches)
    vectors = torch.linalg.eigh(covariance).eigenvectors
    return mean.float(), vectors.flip(-1).T[:count].float()


class CropBatches:
    """Batches of random square crops; decoded photos are kept in memory.

    Args:
        photos: The photos to draw from.
        size: Side of a crop in pixels.
        batch_size: Crops a batch.
        seed: Seed of the data order.
        device: Where the batches go.
    """

    def __init__(self, photos: list[Photo], size: int, batch_size: int, seed: int, device: torch.device):
        self.photos, self.size, self.batch_size, self.device = photos, size, batch_size, device
        self.sampler = BalancedSampler([photo.source for photo in photos], seed)
        self._decoded: dict[int, np.ndarray] = {}

    def __call__(self, step: int) -> dict[str, Tensor]:
        numbers, rng = self.sampler.draw(step, self.batch_size)
        crops = [random_crop(self._pixels(number), self.size, rng) for number in numbers]
        return {"pixels": to_tensor(np.stack(crops)).to(self.device)}

    def _pixels(self, number: int) -> np.ndarray:
        if number not in self._decoded:
            self._decoded[number] = self.photos[number].pixels()
        return self._decoded[number]
