"""Pictures to captions."""

import numpy as np
import pytest
import torch
from PIL import Image

from percov2_demo.captioning.captioner import normalize_caption
from percov2_demo.captioning.latents import LatentCaptioner
from percov2_demo.errors import ImageError, InputError
from tests.conftest import tiny_autoencoder_kl, tiny_captioner, tiny_pipeline, tiny_tokenizer
from tests.scene import draw_scene


@pytest.fixture(scope="module")
def pictures():
    noise = np.random.default_rng(0).integers(256, size=(200, 300, 3), dtype=np.uint8)
    return [draw_scene(300, 200), Image.fromarray(noise), Image.new("RGB", (64, 500), "red")]


def captioner_of(pipeline) -> LatentCaptioner:
    return LatentCaptioner(pipeline.captioner, pipeline.tokenizer, pipeline.vae)


def test_captions_do_not_depend_on_the_others_of_a_batch(pipeline, pictures):
    captioner = captioner_of(pipeline)
    captions = captioner.caption(pictures)
    assert captions == captioner.caption(pictures)
    assert captions == [captioner.caption([picture])[0] for picture in pictures]


def test_captions_depend_on_the_picture(pictures):
    torch.manual_seed(0)
    captioner = captioner_of(tiny_pipeline())
    for parameter in captioner.model.parameters():
        # Large weights: a model that is about to say something.
        torch.nn.init.normal_(parameter, std=0.5)
    assert len(set(captioner.caption(pictures))) > 1


def test_captions_are_written_as_the_data(pipeline, pictures):
    captions = captioner_of(pipeline).caption(pictures)
    assert captions == [normalize_caption(caption) for caption in captions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" A red  house. ", "a red house"), ("a dog\non grass", "a dog on grass"), ("", ""), ("st. paul ..", "st. paul")],
)
def test_captions_are_normalised(text, expected):
    assert normalize_caption(text) == expected


def test_full_size_autoencoders_latents_are_captioned_too(pictures):
    captioner = LatentCaptioner(tiny_captioner(), tiny_tokenizer(), tiny_autoencoder_kl())
    assert captioner.caption(pictures) == captioner.caption(pictures)


def test_pipeline_takes_pictures_and_paths(pipeline, scene, tmp_path):
    scene.save(tmp_path / "scene.png")
    caption = pipeline.caption(scene)
    assert caption == pipeline.caption(tmp_path / "scene.png") == captioner_of(pipeline).caption([scene])[0]
    assert caption == pipeline.caption(scene.convert("RGBA"))


def test_a_model_without_captioner_says_so(scene):
    pipeline = tiny_pipeline()
    pipeline.register_modules(captioner=None)
    with pytest.raises(InputError, match="this model has no captioner"):
        pipeline.caption(scene)


def test_no_picture_is_one_sentence(pipeline, tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(ImageError):
        pipeline.caption(tmp_path / "notes.png")


def test_captioner_is_saved_with_the_pipeline_and_is_no_part_of_its_identity(tmp_path, scene):
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path)
    loaded = type(pipeline).from_pretrained(tmp_path)
    assert loaded.caption(scene) == pipeline.caption(scene)
    assert loaded.captioner.generation_config.num_beams == pipeline.captioner.generation_config.num_beams
    loaded.register_modules(captioner=None)
    assert loaded.compute_identity() == pipeline.identity
    assert not list(tmp_path.rglob("*.bin"))
