"""Files of weights, looked at without loading them."""

import json

import pytest
import torch
from safetensors.torch import save_file

from percov2_demo.checkpoints.weights import Size, component_size, component_sizes, tensor_files
from percov2_demo.errors import ModelError


@pytest.fixture
def part(tmp_path):
    """A component in two shards: 6 real numbers, and 4 integers of a byte."""
    folder = tmp_path / "model" / "part"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"a": torch.zeros(2, 3)}, folder / "model-1.safetensors")
    save_file({"b": torch.zeros(4, dtype=torch.int8)}, folder / "model-2.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_shards_are_one_component(part):
    assert {name: path.name for name, path in tensor_files(part).items()} == {
        "a": "model-1.safetensors",
        "b": "model-2.safetensors",
    }
    assert component_size(part) == Size(floats=6, integers=4, integer_bytes=4)
    assert component_size(part).bytes(2) == 16
    assert component_sizes(part.parent) == {"part": component_size(part)}


def test_a_second_copy_in_half_precision_is_not_counted(part):
    save_file({"a": torch.zeros(2, 3).half()}, part / "model.fp16.safetensors")
    assert component_size(part).floats == 6


def test_parts_without_weights(part):
    tokenizer = part.parent / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "tokenizer.json").write_text("{}")
    assert component_sizes(part.parent).keys() == {"part"}
    (tokenizer / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no safetensors weights of its tokenizer"):
        component_sizes(part.parent)


@pytest.mark.parametrize("index", ["{", "[]", "{}", '{"weight_map": []}'])
def test_a_damaged_index_is_one_sentence(part, index):
    (part / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelError, match=r"part/model\.safetensors\.index\.json is damaged or cut short"):
        tensor_files(part)


def test_an_index_leads_nowhere_else(part):
    save_file({"secret": torch.zeros(1)}, part.parent / "secret.safetensors")
    index = {"weight_map": {"secret": "../secret.safetensors"}}
    (part / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"part/secret\.safetensors is missing"):
        tensor_files(part)
