"""Encode pictures, before and after the edit that their caption names, as maps of indices once, and load batches."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from percov2_demo.errors import InputError
from percov2_demo.models.autoencoder import PatchAutoencoder, scaled_latents
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.text_encoders import tokenize
from percov2_demo.training.data.encoded import save_encoded
from percov2_demo.training.data.pictures import PictureBatch


PART_BATCHES = 100
"""Batches of pictures that are encoded into one file."""


@torch.inference_mode()
def encode_pictures(
    batches: Iterable[PictureBatch],
    tokenizer: PreTrainedTokenizerBase,
    vae: PatchAutoencoder,
    hyper_codec: HyperCodec,
    encoder: str,
    path: Path,
) -> None:
    """Write the maps and captions of batches of pictures to one safetensors file.

    Of a shape, `source.PRESET` and `picture.PRESET` are `(N, rows, columns)` int16 for every preset, of what was sent
    and of what is to come out, and `tokens` `(N, L)` int16; the shape's height and width stand before the name.

    Args:
        batches: Batches of pictures.
        tokenizer: Splits their captions.
        vae: The autoencoder.
        hyper_codec: The hyper-codec whose indices are wanted.
        encoder: Their `encoder_fingerprint`.
        path: The file to write.
    """
    kept: dict[str, list[Tensor]] = defaultdict(list)
    device = next(vae.parameters()).device
    for batch in tqdm(batches, desc=path.stem, unit="batch", disable=None):
        height, width = batch.pictures.shape[-2:]
        # Most pictures are not edited, and are encoded once.
        is_edited = (batch.pictures != batch.sources).flatten(1).any(1)
        pixels = torch.cat([batch.pictures, batch.sources[is_edited]]).to(device, memory_format=torch.channels_last)
        latents = scaled_latents(vae, pixels)
        for preset in hyper_codec.config.presets:
            indices = hyper_codec.encode(latents, preset).to("cpu", torch.int16)
            pictures, edited = indices.split([len(is_edited), int(is_edited.sum())])
            sources = pictures.clone()
            sources[is_edited] = edited
            kept[f"{height}x{width}.picture.{preset}"].append(pictures)
            kept[f"{height}x{width}.source.{preset}"].append(sources)
        kept[f"{height}x{width}.tokens"].append(tokenize(tokenizer, batch.captions).to(torch.int16))
    save_encoded(path, {name: torch.cat(parts) for name, parts in kept.items()}, encoder)


class EncodedPictures:
    """Batches of encoded pictures of one shape.

    Args:
        paths: Files written by `encode_pictures`.
        batch_size: Samples of a batch at the shape with the fewest cells; larger shapes have fewer, of as many cells.
        seed: Seed of the data order.

    Raises:
        InputError: There are no pictures.
    """

    def __init__(self, paths: Iterable[Path], batch_size: int, seed: int):
        self.seed = seed
        parts: dict[str, dict[str, list[Tensor]]] = defaultdict(lambda: defaultdict(list))
        for path in sorted(paths):
            for key, tensor in load_file(path).items():
                shape, _, name = key.partition(".")
                parts[shape][name].append(tensor)
        if not parts:
            raise InputError("there are no encoded pictures: encode some first")
        names = sorted(parts)
        self._shapes = [{name: torch.cat(found) for name, found in parts[shape].items()} for shape in names]
        counts = np.array([len(shape["tokens"]) for shape in self._shapes], float)
        self._shares = counts / counts.sum()
        areas = [int(np.prod([int(side) for side in name.split("x")])) for name in names]
        self._sizes = [max(1, batch_size * min(areas) // area) for area in areas]

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Load `tokens` and maps by name, int64."""
        rng = np.random.default_rng((self.seed, 1, step))
        number = int(rng.choice(len(self._shapes), p=self._shares))
        shape = self._shapes[number]
        chosen = torch.from_numpy(rng.integers(len(shape["tokens"]), size=self._sizes[number]))
        return {name: tensor[chosen].long() for name, tensor in shape.items()}
