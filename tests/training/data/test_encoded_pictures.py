"""Pictures encoded before and after the edit that their caption names."""

import numpy as np
import pytest
import torch

from percov2_demo.errors import InputError
from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.models.text_encoders import tokenize
from percov2_demo.training.data.encoded import is_encoded
from percov2_demo.training.data.encoded_pictures import EncodedPictures, encode_pictures
from percov2_demo.training.data.pictures import PictureBatch
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


@pytest.fixture(scope="module")
def codec():
    return tiny_pipeline()


def picture_batch(side: int) -> PictureBatch:
    """Two pictures, of which the second is edited."""
    scene = torch.from_numpy(np.asarray(draw_scene(side, side)).copy()).permute(2, 0, 1) / 127.5 - 1
    pictures = torch.stack([scene, -scene])
    return PictureBatch(pictures, torch.stack([scene, scene]), ["a house", "a house at night"])


@pytest.fixture(scope="module")
def path(codec, tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "000000000.safetensors"
    batches = [picture_batch(128), picture_batch(64), picture_batch(128)]
    encode_pictures(batches, codec.tokenizer, codec.vae, codec.hyper_codec, "mine", path)
    return path


@torch.inference_mode()
def test_maps_are_those_of_the_pictures(codec, path):
    assert is_encoded(path, "mine") and not is_encoded(path, "other")
    batch = EncodedPictures([path], batch_size=8, seed=0)(0)
    side = 64 if batch["picture.ultra-low"].shape[-1] == 1 else 128
    pictures = picture_batch(side)
    words = tokenize(codec.tokenizer, pictures.captions)
    for row, tokens in enumerate(batch["tokens"]):
        number = int(torch.equal(tokens, words[1]))
        assert torch.equal(tokens, words[number])
        for kind, pixels in (("picture", pictures.pictures), ("source", pictures.sources)):
            for preset in codec.presets:
                latents = scaled_latents(codec.vae, pixels[number : number + 1])
                expected = codec.hyper_codec.encode(latents, preset)[0]
                assert torch.equal(batch[f"{kind}.{preset}"][row], expected), (kind, preset)


def test_batches_are_of_one_shape_and_of_as_many_cells(path):
    batches = EncodedPictures([path], batch_size=8, seed=0)
    sizes = {batch["picture.low"].shape for batch in map(batches, range(30))}
    assert sizes == {(8, 2, 2), (2, 4, 4)}
    assert all(torch.equal(batches(3)[name], tensor) for name, tensor in batches(3).items())


def test_there_have_to_be_pictures():
    with pytest.raises(InputError, match="no encoded pictures"):
        EncodedPictures([], 8, 0)
