"""Captions by vision-language models."""

import json
import shutil

import pytest
import torch

from percov2_demo import PerCoV2Pipeline
from percov2_demo.captioning import language
from percov2_demo.captioning.captioner import normalize_caption
from percov2_demo.captioning.language import LanguageCaptioner
from percov2_demo.errors import InputError, ModelError
from tests.conftest import tiny_pipeline


CPU = torch.device("cpu")


def captioner_of(folder, **options) -> LanguageCaptioner:
    return LanguageCaptioner(str(folder), CPU, **options)


@pytest.fixture(params=["blip2_folder", "chat_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


def test_every_picture_has_a_caption_whatever_its_batch(folder, pictures):
    captioner = captioner_of(folder)
    captions = captioner.caption(pictures)
    assert len(captions) == len(pictures)
    assert captions == captioner.caption(pictures)
    assert captions[:3] == [captioner.caption([picture])[0] for picture in pictures[:3]]
    assert len(set(captions)) > 1
    assert captions == [normalize_caption(caption) for caption in captions]
    assert captioner.caption([]) == []


def test_nothing_of_the_prompt_is_in_the_caption(folder, pictures):
    for caption in captioner_of(folder).caption(pictures):
        assert "one short sentence" not in caption
        assert "<image>" not in caption


def test_the_length_that_is_asked_for_is_the_papers(blip2_folder, pictures, monkeypatch):
    captioner = captioner_of(blip2_folder)
    captioner.caption(pictures[:1])
    model = captioner.model
    asked = []
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda **options: asked.append(options) or generate(**options))
    captioner.caption(pictures)
    assert [options["max_new_tokens"] for options in asked] == [32]
    assert not asked[0]["do_sample"]


def test_a_batch_is_one_call_of_the_model_whatever_its_size(folder, pictures, monkeypatch):
    captioner = captioner_of(folder)
    one = captioner.caption(pictures[:1])
    model = captioner.model
    asked = []
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda **options: asked.append(options) or generate(**options))
    assert captioner.caption(pictures[:1] * 20) == one * 20
    assert [len(options["pixel_values"]) for options in asked] == [20]


def test_weights_are_there_only_while_they_are_needed(blip2_folder, pictures):
    captioner = captioner_of(blip2_folder)
    assert captioner.model is None
    captions = captioner.caption(pictures)
    captioner.release()
    assert captioner.model is None
    assert captioner.caption(pictures) == captions
    kept = captioner_of(blip2_folder, keep=True)
    kept.caption(pictures)
    kept.release()
    assert kept.model is not None


def test_half_precision(blip2_folder, pictures):
    captioner = captioner_of(blip2_folder, dtype=torch.bfloat16)
    assert len(captioner.caption(pictures)) == len(pictures)
    assert captioner.model.language_model.dtype == torch.bfloat16


def test_the_pipeline_asks_it_and_releases_it_before_it_paints(blip2_folder, scene):
    pipeline = tiny_pipeline()
    own = pipeline.caption(scene)
    captioner = captioner_of(blip2_folder)
    pipeline.use_captioner(captioner)
    assert pipeline.has_captioner
    assert pipeline.captions([scene, scene]) == captioner.caption([scene, scene])
    assert captioner.model is not None
    pipeline.decompress(pipeline.compress(scene), num_inference_steps=1)
    assert captioner.model is None
    pipeline.use_captioner("embedded")
    assert pipeline.caption(scene) == own
    pipeline.use_captioner("none")
    assert not pipeline.has_captioner
    with pytest.raises(InputError, match="this model has no captioner of its own: choose one of blip2"):
        pipeline.use_captioner("embedded")


@pytest.mark.parametrize(("plan", "keep", "dtype"), [("8gb", False, torch.bfloat16), ("max", True, torch.float32)])
def test_the_memory_plan_says_how_it_is_kept(plan, keep, dtype, blip2_folder, tmp_path, monkeypatch):
    tiny_pipeline().save_pretrained(tmp_path)
    pipeline = PerCoV2Pipeline.from_pretrained(tmp_path, memory=plan)
    made = []

    class Noted(LanguageCaptioner):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr("percov2_demo.pipelines.captions.LanguageCaptioner", Noted)
    pipeline.use_captioner(str(blip2_folder))
    assert [(captioner.keep, captioner.dtype, captioner.device) for captioner in made] == [(keep, dtype, CPU)]


def test_a_repository_that_cannot_be_fetched_is_known_at_once(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="someone/nothing is neither a folder nor complete in the hub's cache"):
        LanguageCaptioner("someone/nothing", CPU)
    with pytest.raises(ModelError, match=r"Salesforce/blip2-opt-2\.7b-coco is neither"):
        LanguageCaptioner("blip2", CPU)


def test_code_that_comes_with_a_model_is_not_run(blip2_folder, tmp_path, pictures):
    folder = shutil.copytree(blip2_folder, tmp_path / "custom")
    config = json.loads((folder / "config.json").read_text())
    auto_map = {"AutoConfig": "custom.Config", "AutoModelForImageTextToText": "custom.Model"}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "custom", "auto_map": auto_map}))
    (folder / "custom.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match=r"^custom is no captioner that can be used here.*code of its own is not run"):
        captioner_of(folder).caption(pictures)
    assert not (tmp_path / "ran").exists()


def test_a_model_of_another_kind(tmp_path, pictures):
    tiny_pipeline().text_encoder.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is no captioner that can be used here"):
        captioner_of(tmp_path).caption(pictures)


def test_damaged_weights_are_named(blip2_folder, tmp_path, pictures):
    folder = shutil.copytree(blip2_folder, tmp_path / "damaged")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"damaged/model\.safetensors is damaged or cut short"):
        captioner_of(folder).caption(pictures)


def test_too_little_memory(blip2_folder, pictures, monkeypatch):
    monkeypatch.setattr(language, "free_on", lambda _device: 100)
    with pytest.raises(ModelError, match=r"take about .* of memory, and .* are free: choose another captioner"):
        captioner_of(blip2_folder).caption(pictures)
