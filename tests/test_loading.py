"""A model's folder says which pipeline it is for."""

import json

import pytest

from percov2_demo import PerCoPipeline, PerCoV2Pipeline
from percov2_demo.loading import load_pipeline
from tests.conftest import tiny_pipeline
from tests.perco import tiny_perco, write_checkpoint


@pytest.mark.parametrize(("build", "kind"), [(tiny_pipeline, PerCoV2Pipeline), (tiny_perco, PerCoPipeline)])
def test_the_class_is_the_folders(build, kind, tmp_path):
    model = build()
    model.save_pretrained(tmp_path)
    loaded = load_pipeline(tmp_path)
    assert type(loaded) is kind
    assert loaded.identity == model.identity


def test_a_class_does_not_load_anothers_folder(tmp_path):
    tiny_perco().save_pretrained(tmp_path / "model")
    with pytest.raises(ValueError, match="model holds PerCoPipeline, not PerCoV2Pipeline"):
        PerCoV2Pipeline.from_pretrained(tmp_path / "model")


def test_a_published_checkpoint_is_to_be_converted(tmp_path):
    with pytest.raises(ValueError, match="convert it first with python -m percov2_demo convert-perco"):
        load_pipeline(write_checkpoint(tmp_path))


@pytest.mark.parametrize("index", [{"_class_name": "StableDiffusionPipeline"}, {}])
def test_other_models_are_named(tmp_path, index):
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ValueError, match="which this program does not run"):
        load_pipeline(tmp_path)


def test_an_adapter_goes_onto_its_base(adapter_folder, base_folder):
    loaded = load_pipeline(adapter_folder, base=base_folder, memory="8gb")
    assert type(loaded) is PerCoV2Pipeline
    assert loaded.placement.plan.name == "8gb"
    with pytest.raises(ValueError, match="PerCoV2Pipeline, not PerCoPipeline"):
        PerCoPipeline.from_pretrained(adapter_folder, base=base_folder)
