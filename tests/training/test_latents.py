"""Whole photos as latents, both ways."""

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.training.autoencoder import to_tensor
from percov2_demo.training.data import read_shards
from percov2_demo.training.latents import encode_both_ways
from tests.conftest import tiny_autoencoder
from tests.training.test_data import write_shard


def test_mirrored_latents_are_those_of_the_mirrored_photo(tmp_path):
    write_shard(tmp_path / "train-00.tar", 3, "a")
    photos = read_shards(tmp_path.glob("*.tar"))
    vae = tiny_autoencoder()
    vae.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    path = tmp_path / "latents" / "train-00.safetensors"
    encode_both_ways(photos, vae, path, 72, torch.device("cpu"))
    views = load_file(path)
    assert {name: tuple(view.shape) for name, view in views.items()} == dict.fromkeys(
        ("plain", "mirrored"), (3, 16, 9, 9)
    )
    pixels = np.asarray(Image.fromarray(photos[2].pixels()).resize((72, 72), Image.Resampling.LANCZOS))
    for name, expected in (("plain", pixels), ("mirrored", pixels[:, ::-1])):
        with torch.inference_mode():
            latents = scaled_latents(vae, to_tensor(expected[None]))[0]
        torch.testing.assert_close(views[name][2].float(), latents, atol=2e-3, rtol=2e-3)
