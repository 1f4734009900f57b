"""A model's folder says which pipeline it is for."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline

from percov2_demo import PerCoPipeline, PerCoV2Pipeline
from percov2_demo.__main__ import main
from percov2_demo.checkpoints import folders
from percov2_demo.checkpoints.folders import EMBEDDED_MODEL, captioner_results, describe_model, read_manifest
from percov2_demo.errors import ModelError
from percov2_demo.pipelines.auto import load_pipeline
from tests.conftest import tiny_pipeline
from tests.perco import tiny_perco, write_checkpoint
from tests.scene import draw_scene


@pytest.mark.parametrize(("build", "kind"), [(tiny_pipeline, PerCoV2Pipeline), (tiny_perco, PerCoPipeline)])
def test_the_class_is_the_folders(build, kind, tmp_path):
    model = build()
    model.save_pretrained(tmp_path)
    loaded = load_pipeline(tmp_path)
    assert type(loaded) is kind
    assert loaded.identity == model.identity


def test_a_class_does_not_load_anothers_folder(tmp_path):
    tiny_perco().save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match="model holds PerCoPipeline, not PerCoV2Pipeline"):
        PerCoV2Pipeline.from_pretrained(tmp_path / "model")


def test_a_published_checkpoint_is_to_be_converted(tmp_path):
    with pytest.raises(ModelError, match="convert it first with python -m percov2_demo convert-perco"):
        load_pipeline(write_checkpoint(tmp_path))


@pytest.mark.parametrize("index", [{"_class_name": "StableDiffusionPipeline"}, {}])
def test_other_models_are_named(tmp_path, index):
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="which this program does not run"):
        load_pipeline(tmp_path)


def test_an_adapter_goes_onto_its_base(adapter_folder, base_folder):
    loaded = load_pipeline(adapter_folder, base=base_folder, memory="8gb")
    assert type(loaded) is PerCoV2Pipeline
    assert loaded.placement.plan.name == "8gb"
    with pytest.raises(ModelError, match="PerCoV2Pipeline, not PerCoPipeline"):
        PerCoPipeline.from_pretrained(adapter_folder, base=base_folder)


@pytest.fixture(scope="module")
def saved_folder(tmp_path_factory) -> Path:
    """A complete tiny model; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("saved") / "tiny"
    tiny_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved_folder, tmp_path) -> Path:
    """A copy that may be damaged."""
    return shutil.copytree(saved_folder, tmp_path / "tiny")


def wrong(value: Any) -> Any:
    """A value of another type."""
    return 7 if isinstance(value, list | str) or value is None else ["x"]


def damage(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By the name of a field, also of one in an object: the content with another type in its place."""
    changed = {}
    for name, value in content.items():
        changed[name] = content | {name: wrong(value)}
        if isinstance(value, dict):
            changed |= {f"{name}.{part}": content | {name: inner} for part, inner in damage(value).items()}
    return changed


def complaint(call, *arguments, **options) -> str | None:
    """The sentence with which something is refused, if it is; it shows no place on this machine."""
    try:
        call(*arguments, **options)
    except Exception as error:
        sentence = str(error)
        assert type(error) is ModelError, repr(error)
        assert "\n" not in sentence and "/tmp" not in sentence
        return sentence
    return None


FILES = (
    "model_index.json",
    "hyper_codec/config.json",
    "transformer/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
    "masked_model/config.json",
    "captioner/generation_config.json",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("data", [b"[]", b'"x"', b'{"a": ', b'{"a": "\xff"}'], ids=["list", "string", "cut", "bytes"])
def test_a_file_that_is_no_json_object_is_named(name, data, folder, capsys):
    (folder / name).write_bytes(data)
    for call in (load_pipeline, describe_model):
        assert complaint(call, folder) == f"the model's file {name} is damaged: fetch the model again"
    assert main(["info", "--model", str(folder)]) == 2
    assert capsys.readouterr().err == f"error: the model's file {name} is damaged: fetch the model again\n"


@pytest.mark.parametrize(
    "field", ["_class_name", "identity", "description", "prediction_type", "default_strength", "default_guidance"]
)
def test_a_setting_of_another_type_is_damage(field, folder):
    index = json.loads((folder / "model_index.json").read_text())
    changes = {name: content for name, content in damage(index).items() if name.partition(".")[0] == field}
    assert changes
    for content in changes.values():
        (folder / "model_index.json").write_text(json.dumps(content))
        for call in (load_pipeline, describe_model):
            assert complaint(call, folder) == "the model's file model_index.json is damaged: fetch the model again"


@pytest.mark.parametrize("name", ["model_index.json", "hyper_codec/config.json", "vae/config.json"])
def test_whatever_the_libraries_raise_is_one_sentence(name, folder):
    """Each field in turn: some do not matter, but none gives an error of Python's."""
    complaints = []
    for content in damage(json.loads((folder / name).read_text())).values():
        (folder / name).write_text(json.dumps(content))
        complaints.append(complaint(load_pipeline, folder))
    assert len([sentence for sentence in complaints if sentence]) >= 4


def test_a_tokenizer_that_is_none_is_one_sentence(folder, capsys):
    (folder / "tokenizer" / "tokenizer.json").write_text('{"version": 7}')
    sentence = "the files of tiny are damaged or do not belong together: fetch the model again"
    assert complaint(load_pipeline, folder) == sentence
    capsys.readouterr()
    photo = folder / "photo.png"
    draw_scene(64, 64).save(photo)
    assert main(["caption", str(photo), "--model", str(folder)]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_an_error_that_is_not_the_files_is_left_alone(folder, monkeypatch):
    def fail(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PerCoV2Pipeline, "from_pretrained", fail)
    with pytest.raises(torch.OutOfMemoryError):
        load_pipeline(folder)


def test_a_library_of_another_version_is_no_damage(folder, monkeypatch):
    def fail(*_, **__):
        raise ImportError("cannot import name 'PretrainedConfig'")

    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", fail)
    with pytest.raises(ImportError):
        load_pipeline(folder)


@pytest.mark.parametrize("field", ["base", "base.name", "base.revision", "identity", "settings"])
def test_an_adapters_field_of_another_type_is_damage(field, adapter_folder, base_folder, tmp_path):
    folder = shutil.copytree(adapter_folder, tmp_path / "adapter")
    content = json.loads((folder / "adapter.json").read_text())
    (folder / "adapter.json").write_text(json.dumps(damage(content)[field]))
    sentence = "the model's file adapter.json is damaged: fetch the model again"
    assert complaint(describe_model, folder, base_folder) == sentence


def test_an_adapter_with_damage_is_refused_in_one_sentence(adapter_folder, base_folder, tmp_path):
    folder = shutil.copytree(adapter_folder, tmp_path / "adapter")
    original = json.loads((folder / "adapter.json").read_text())
    for name, content in damage(original).items():
        (folder / "adapter.json").write_text(json.dumps(content))
        base = None if name.startswith("base.") else base_folder
        assert complaint(load_pipeline, folder, base=base) or name.startswith("settings."), name


def test_a_manifest_is_what_it_should_be_or_damaged(tmp_path):
    manifest = json.loads((EMBEDDED_MODEL / "manifest.json").read_text())
    path, identity = tmp_path / "manifest.json", manifest["identity"]
    del manifest["presets"]
    for content in ([], *damage(manifest).values(), *({**manifest, name: None} for name in manifest)):
        path.write_text(json.dumps(content))
        sentence = "the model's file manifest.json is damaged: fetch the model again"
        assert complaint(read_manifest, tmp_path, identity) == sentence
    path.write_text(json.dumps(manifest))
    assert read_manifest(tmp_path, identity) == manifest
    assert read_manifest(tmp_path, "another") is None


@pytest.mark.parametrize("content", [[], {}, {"photos": "many", "content_overlap": 0.5}, {"photos": 7}])
def test_damaged_results_of_the_captioner(content, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "CAPTIONER_RESULTS", tmp_path / "captioner.json")
    (tmp_path / "captioner.json").write_text(json.dumps(content))
    assert "captioner.json is damaged" in complaint(captioner_results, EMBEDDED_MODEL)
