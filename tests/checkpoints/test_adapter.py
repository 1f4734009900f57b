"""An adapter is what training added to a base, and goes onto that base alone."""

import json
import shutil

import numpy as np
import pytest
import torch
from diffusers import SD3Transformer2DModel
from safetensors.torch import load_file, save_file

from percov2_demo import HyperCodec, PerCoV2Pipeline
from percov2_demo.checkpoints.adapter import Adapter, stored_tensors
from percov2_demo.errors import ModelError
from tests.conftest import SD35, adapted_pipeline, pretend_training, tiny_base, tiny_pipeline


def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy" / folder.name)


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def spoil(path):
    """One value changes, and the file is a file of safetensors still."""
    tensors = load_file(path)
    name = next(name for name, value in tensors.items() if value.is_floating_point())
    tensors[name].view(-1)[0] += 1
    save_file(tensors, path)


def decode(pipeline, stream):
    pipeline.set_progress_bar_config(disable=True)
    return np.asarray(pipeline.decompress(stream, num_inference_steps=2), int)


def test_a_widened_base_paints_what_the_base_paints(base_folder):
    pipeline = adapted_pipeline(base_folder)
    transformer = type(pipeline.transformer).from_pretrained(base_folder, subfolder="transformer")
    text = pipeline.encode_captions(["a cat"])
    latents, condition = torch.randn(1, 16, 16, 16), torch.randn(1, 16, 16, 16)
    inputs = {
        "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": text.tokens,
        "pooled_projections": text.pooled,
        "return_dict": False,
    }
    with torch.inference_mode():
        expected = transformer(hidden_states=latents, **inputs)[0]
        widened = pipeline.transformer(hidden_states=torch.cat([latents, condition], 1), **inputs)[0]
    assert torch.equal(widened, expected)


@pytest.mark.parametrize("profile", [pytest.param({}, marks=pytest.mark.slow), SD35], ids=["SD3", "SD3.5"])
def test_adapter_and_base_are_the_trained_model(profile, tmp_path, scene):
    tiny_base(**profile).save_pretrained(tmp_path / "base")
    trained = adapted_pipeline(tmp_path / "base")
    pretend_training(trained)
    adapter = trained.save_adapter(tmp_path / "adapter")
    loaded = PerCoV2Pipeline.from_pretrained(tmp_path / "adapter", base=tmp_path / "base")
    assert loaded.identity == trained.identity == adapter.identity
    assert loaded.config.description == trained.config.description
    stream = trained.compress(scene, caption="a cat")
    assert loaded.compress(scene, caption="a cat") == stream
    assert np.array_equal(decode(loaded, stream), decode(trained, stream))
    assert loaded.caption(scene) == trained.caption(scene)
    assert loaded.transformer.config.in_channels == 16 + adapter.condition_channels


def test_only_what_differs_is_written(adapter_folder, base_folder):
    names = dict(stored_tensors(adapter_folder / "transformer"))
    assert set(names) == {"pos_embed.proj.weight", "proj_out.bias"}
    written = {path.name for path in adapter_folder.iterdir()}
    assert written == {"adapter.json", "hyper_codec", "masked_model", "caption_model", "captioner", "transformer"}
    assert str(base_folder.parent) not in "".join(path.read_text() for path in adapter_folder.rglob("*.json"))
    assert {path.suffix for path in adapter_folder.rglob("*") if path.is_file()} == {".json", ".safetensors"}


def test_an_adapter_is_saved_in_shards_and_saved_again(adapter_folder, base_folder, tmp_path):
    pipeline = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder)
    pipeline.save_adapter(tmp_path, max_shard_size="2KB")
    assert len(list((tmp_path / "transformer").glob("*.safetensors"))) > 1
    again = PerCoV2Pipeline.from_pretrained(tmp_path, base=base_folder)
    assert again.identity == pipeline.identity == Adapter.read(adapter_folder).identity


def test_precision_changes_no_identity(adapter_folder, base_folder):
    half = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    assert half.identity == Adapter.read(adapter_folder).identity


def test_what_is_taken_off_is_gone_after_saving(adapter_folder, base_folder, tmp_path):
    folder = copy(adapter_folder, tmp_path)
    pipeline = PerCoV2Pipeline.from_pretrained(folder, base=base_folder)
    pipeline.use_captioner("none")
    pipeline.save_adapter(folder)
    assert PerCoV2Pipeline.from_pretrained(folder, base=base_folder).captioner is None
    assert Adapter.read(folder) == Adapter.read(adapter_folder)


def test_only_a_pipeline_with_a_base_has_an_adapter(tmp_path):
    with pytest.raises(ModelError, match="only a pipeline of from_base"):
        tiny_pipeline().save_adapter(tmp_path)


def test_a_base_without_an_adapter_does_not_pretend(base_folder):
    with pytest.raises(ModelError, match=r"sd3-tiny is a base without an adapter: zero-initialised inputs ignore"):
        PerCoV2Pipeline.from_pretrained(base_folder)


def test_an_adapter_that_nobody_trained_does_not_pretend(base_folder, tmp_path):
    adapted_pipeline(base_folder).save_adapter(tmp_path)
    with pytest.raises(ModelError, match="zero-initialised inputs ignore the indices"):
        PerCoV2Pipeline.from_pretrained(tmp_path, base=base_folder)


def test_an_adapter_of_another_base_is_refused(adapter_folder, tmp_path):
    tiny_base(seed=9).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="was made for sd3-tiny, and the base here has other weights"):
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=tmp_path)


@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_one_changed_value_of_the_base_is_noticed(adapter_folder, base_folder, tmp_path, part):
    folder = copy(base_folder, tmp_path)
    spoil(folder / part / "diffusion_pytorch_model.safetensors")
    with pytest.raises(ModelError, match="was made for sd3-tiny, and the base here has other weights"):
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=folder)


def test_a_base_in_other_shards_is_the_same_base(adapter_folder, base_folder, tmp_path):
    folder = copy(base_folder, tmp_path)
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    transformer = SD3Transformer2DModel.from_pretrained(base_folder, subfolder="transformer", dtype=torch.float16)
    transformer.save_pretrained(folder / "transformer", max_shard_size="2KB")
    assert len(list((folder / "transformer").glob("*.safetensors"))) > 1
    assert (
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=folder).identity == Adapter.read(adapter_folder).identity
    )


def test_a_base_of_another_kind_is_refused(adapter_folder, tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match="is no base for an adapter: it holds PerCoV2Pipeline"):
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=tmp_path / "model")


def test_a_base_that_is_a_folder_must_be_shown(adapter_folder):
    with pytest.raises(ModelError, match="was called 'sd3-tiny': say where it is, as the base"):
        PerCoV2Pipeline.from_pretrained(adapter_folder)


@pytest.mark.parametrize("part", ["hyper_codec", "transformer"])
def test_exchanged_weights_are_noticed(adapter_folder, base_folder, tmp_path, part):
    folder = copy(adapter_folder, tmp_path)
    spoil(folder / part / "diffusion_pytorch_model.safetensors")
    with pytest.raises(ModelError, match="the adapter's weights do not match its identity"):
        PerCoV2Pipeline.from_pretrained(folder, base=base_folder)


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_shard_that_is_missing_or_damaged_is_named(adapter_folder, base_folder, tmp_path, damage):
    pipeline = PerCoV2Pipeline.from_pretrained(adapter_folder, base=base_folder)
    pipeline.save_adapter(tmp_path, max_shard_size="2KB")
    shard = sorted((tmp_path / "hyper_codec").glob("*.safetensors"))[1]
    data = shard.read_bytes()
    shard.unlink()
    if damage != "missing":
        shard.write_bytes(data[: len(data) // 2])
    with pytest.raises(
        ModelError, match=f"the model's file hyper_codec/{shard.name} is .*{damage}.*: fetch the model"
    ):
        PerCoV2Pipeline.from_pretrained(tmp_path, base=base_folder)


def test_a_damaged_base_is_named(adapter_folder, base_folder, tmp_path):
    folder = copy(base_folder, tmp_path)
    (folder / "text_encoder_3" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no safetensors weights of its text_encoder_3"):
        PerCoV2Pipeline.from_pretrained(adapter_folder, base=folder)


def test_the_manifest_must_describe_the_parts(adapter_folder, base_folder, tmp_path):
    folder = copy(adapter_folder, tmp_path)
    content = json.loads((folder / "adapter.json").read_text())
    content["presets"]["ultra-low"]["codebook"] = 1024
    (folder / "adapter.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="describes other presets than its hyper-codec has"):
        PerCoV2Pipeline.from_pretrained(folder, base=base_folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"format": 1}, "another format"), ({"base": {"name": "x"}}, "is damaged"), ({"settings": {}}, "must hold")],
)
def test_a_manifest_that_says_something_else_is_one_sentence(adapter_folder, base_folder, tmp_path, changes, words):
    folder = copy(adapter_folder, tmp_path)
    rewrite(folder / "adapter.json", **changes)
    with pytest.raises(ModelError, match=words):
        PerCoV2Pipeline.from_pretrained(folder, base=base_folder)
    (folder / "adapter.json").write_text("[")
    with pytest.raises(ModelError, match=r"the model's file adapter\.json is damaged"):
        PerCoV2Pipeline.from_pretrained(folder, base=base_folder)


def test_an_interrupted_save_is_no_adapter(adapter_folder, base_folder, tmp_path, monkeypatch):
    folder = copy(adapter_folder, tmp_path)
    pipeline = adapted_pipeline(base_folder)
    monkeypatch.setattr(HyperCodec, "save_pretrained", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        pipeline.save_adapter(folder)
    with pytest.raises(ModelError, match="there is no model in"):
        PerCoV2Pipeline.from_pretrained(folder, base=base_folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": {"prediction_type": "velocity", "unknown": 1}},
        {"settings": {"prediction_type": "velocity", "default_entropy": ["x"]}},
        {"settings": {"prediction_type": "velocity", "description": 7}},
        {"base": {"name": 7, "revision": None, "fingerprint": ""}},
    ],
)
def test_a_field_of_another_type_is_one_sentence(changed, adapter_folder, base_folder, tmp_path):
    path = copy(adapter_folder, tmp_path) / "adapter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(ModelError, match=r"damaged|must hold|do not belong") as caught:
        PerCoV2Pipeline.from_pretrained(path.parent, base=base_folder)
    assert "/" not in str(caught.value)
