"""The full-size recipe on a tiny base model of Stable Diffusion 3's own classes."""

import json
import shutil
import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from percov2_demo import HyperCodec
from percov2_demo.errors import InputError, ModelError
from percov2_demo.models.text_encoders import T5_TOKENS
from percov2_demo.training.data.determinism import Share
from percov2_demo.training.measures.curves import read_curve
from percov2_demo.training.objectives.lora import add_lora
from percov2_demo.training.recipes import sd3
from percov2_demo.training.recipes.config import read_config
from percov2_demo.training.recipes.sd3 import SD3Recipe
from percov2_demo.training.recipes.sd3_base import widened_base
from tests.conftest import tiny_hyper_codec, tiny_transformer
from tests.training.tiny_sd3 import SD3_CONFIG, tiny_recipe


@pytest.fixture(scope="module")
def folder(trained_folder):
    """What two processes made, and a finished run of one process beside it."""
    config = json.loads((trained_folder / "config.json").read_text())
    recipe = SD3Recipe(config, trained_folder / "data", trained_folder / "one", "no")
    for stage in ("joint", "indices", "entropy"):
        recipe.run(stage, 100.0)
    return trained_folder


def curve(work, stage):
    return read_curve(work / stage / "curve.csv")


def test_configs_are_complete():
    for name in ("sd3-medium", "sd3.5-medium"):
        config = read_config(SD3_CONFIG.with_name(f"{name}.json"))
        assert {"base", "photos", "hyper", "joint", "validation", "indices", "entropy", "export"} <= set(config)
        groups = len(config["hyper"]["model"]["presets"])
        assert config["photos"]["batch_size"] % (8 * groups) == 0
    assert "extends" not in config
    assert config["base"]["model"] == "stabilityai/stable-diffusion-3.5-medium"


def test_training_starts_from_a_frozen_base_and_moves_transformer_and_codec(base_folder):
    pipeline = widened_base(str(base_folder), None, tiny_hyper_codec(decoder_width=0), torch.bfloat16)
    for name, part in pipeline.networks.items():
        trained = name in ("transformer", "hyper_codec")
        assert all(parameter.requires_grad == trained for parameter in part.parameters()), name
        assert part.dtype == (torch.bfloat16 if name.startswith("text_encoder") else torch.float32), name


def test_it_learns_and_paints(folder):
    assert curve(folder / "one", "joint")["step"] == [1, 2, 3, 4]
    with Image.open(folder / "one" / "joint" / "validation" / "step-0000004.png") as sheet:
        assert sheet.size == (4 * 256, 24 + 256)
    trained = load_file(folder / "one" / "joint" / "average.safetensors")
    assert trained["transformer.pos_embed.proj.weight"][:, 16:].abs().sum() > 0
    assert not any(name.startswith(("vae", "text_encoder")) for name in trained)


def test_two_launched_processes_learn_as_one_does(folder):
    for stage in ("joint", "entropy"):
        one, two = curve(folder / "one", stage), curve(folder / "two", stage)
        assert set(one) == set(two)
        for name in set(one) - {"seconds"}:
            assert two[name] == pytest.approx(one[name], abs=1e-3), name
    assert (folder / "two" / "joint" / "validation" / "step-0000004.png").is_file()
    for stage in ("joint", "entropy"):
        one, two = (load_file(folder / work / stage / "average.safetensors") for work in ("one", "two"))
        torch.testing.assert_close(two, one, rtol=1e-3, atol=5e-3)
        close = [torch.isclose(two[name], one[name], rtol=1e-3, atol=1e-3).flatten() for name in one]
        # Adam goes a whole step along a gradient that is nothing but rounding.
        assert torch.cat(close).float().mean() > 0.999


def test_resumed_run_equals_an_uninterrupted_one(folder, base_folder, tmp_path):
    for steps, resume in ((2, False), (4, True)):
        config = tiny_recipe(base_folder, max_steps=steps, cooldown_steps=0)
        config["validation"]["photos"] = 0
        SD3Recipe(config, folder / "data", tmp_path / "parts", "no").run("joint", 100.0, resume)
    SD3Recipe(config, folder / "data", tmp_path / "whole", "no").run("joint", 100.0)
    parts, whole = (load_file(tmp_path / work / "joint" / "average.safetensors") for work in ("parts", "whole"))
    torch.testing.assert_close(parts, whole)
    assert curve(tmp_path / "parts", "joint")["loss"] == pytest.approx(curve(tmp_path / "whole", "joint")["loss"])


def test_samples_without_t5_are_as_a_pipeline_without_it_has_them(folder, base_folder, tmp_path):
    """Which they are goes by their number in the batch; CLIP's tokens and the pooled embeddings stay."""
    config = tiny_recipe(base_folder)
    config["joint"]["t5_dropout"] = 0.5
    recipe = SD3Recipe(config, folder / "data", tmp_path, "no")
    hyper_codec = recipe._starting_codec()
    pipeline, photos = recipe._base(hyper_codec), recipe._photo_batches(hyper_codec)
    pipeline.tokenizer_3.model_max_length = T5_TOKENS
    next_batch = recipe._captioned_batches(pipeline, recipe._photo_batches(hyper_codec))
    whole = [next_batch(step, Share()) for step in range(4)]
    parts = [next_batch(0, Share(number, 2))["tokens"] for number in range(2)]
    captions = [photos(step, Share()).captions for step in range(4)]
    full = [pipeline.encode_captions(texts) for texts in captions]
    pipeline.register_modules(text_encoder_3=None)
    dropped = []
    for batch, texts, kept in zip(whole, captions, full, strict=True):
        without = pipeline.encode_captions(texts)
        assert batch["pooled"].equal(without.pooled)
        for sample, *choices in zip(batch["tokens"], kept.tokens, without.tokens, strict=True):
            dropped.append([sample.equal(tokens) for tokens in choices])
    assert all(sum(equal) == 1 for equal in dropped)
    assert 6 <= sum(is_dropped for _, is_dropped in dropped) <= 18
    for number, tokens in enumerate(parts):
        torch.testing.assert_close(tokens, whole[0]["tokens"][number::2])


def test_regression_first_where_there_are_hyper_decoders(folder, base_folder, tmp_path):
    config = tiny_recipe(base_folder, max_steps=2)
    recipe = SD3Recipe(config, folder / "data", tmp_path, "no")
    with pytest.raises(InputError, match="no hyper-decoders to train"):
        recipe.run("hyper", 100.0)
    config["hyper"]["model"] |= {"decoder_width": 16, "decoder_blocks": 1, "feature_channels": 4}
    config["joint"]["trains_codec"] = False
    for stage in ("hyper", "joint"):
        recipe.run(stage, 100.0)
    first, second = (HyperCodec.from_pretrained(tmp_path / name) for name in ("hyper/model", "joint/hyper_codec"))
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)
    assert "estimate" in curve(tmp_path, "joint")


def test_low_rank_updates_end_in_the_weights(folder, base_folder, tmp_path):
    pytest.importorskip("peft")
    config = tiny_recipe(base_folder, max_steps=2)
    config["joint"]["lora_rank"] = 2
    SD3Recipe(config, folder / "data", tmp_path, "no").run("joint", 100.0)
    trained = load_file(tmp_path / "joint" / "transformer" / "diffusion_pytorch_model.safetensors")
    base = load_file(base_folder / "transformer" / "diffusion_pytorch_model.safetensors")
    assert set(trained) == set(base)
    changed = {
        name for name, weight in trained.items() if weight.shape != base[name].shape or weight.ne(base[name]).any()
    }
    assert "transformer_blocks.0.attn.to_q.weight" in changed
    assert "transformer_blocks.0.ff.net.0.proj.weight" not in changed


def test_a_stage_names_the_one_that_has_to_run_first(folder, base_folder, tmp_path):
    config = tiny_recipe(base_folder)
    recipe = SD3Recipe(config, folder / "data", tmp_path, "no")
    after_joint = (lambda: recipe.run("indices", 1.0), lambda: recipe.run("entropy", 1.0))
    for run in (*after_joint, lambda: recipe.export(tmp_path / "out")):
        with pytest.raises(InputError, match=r"^there is no joint/hyper_codec yet: run the joint stage first$"):
            run()
    config["joint"]["trains_codec"] = False
    with pytest.raises(InputError, match=r"^there is no hyper/model yet: run the hyper stage first$"):
        recipe.run("joint", 1.0)


def test_the_data_is_looked_at_before_the_base(folder, base_folder, tmp_path, monkeypatch):
    config = tiny_recipe(base_folder)
    monkeypatch.setattr(sd3, "widened_base", lambda **_: pytest.fail("the base was loaded"))
    with pytest.raises(InputError, match=r"^no training photos found"):
        SD3Recipe(config, tmp_path / "nothing", tmp_path, "no").run("joint", 1.0)
    photos = tmp_path / "data" / "photos"
    shutil.copytree(folder / "data" / "photos", photos)
    (photos / "val.tar").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"^val\.tar is no tar shard"):
        SD3Recipe(config, tmp_path / "data", tmp_path, "no").run("joint", 1.0)


def test_failures_are_one_sentence(folder, base_folder, tmp_path, monkeypatch):
    config = tiny_recipe(base_folder)
    recipe = SD3Recipe(config, folder / "data", tmp_path, "no")
    with pytest.raises(InputError, match="no stage flow: its stages are photo-statistics, hyper, joint"):
        recipe.run("flow", 1.0)
    config["base"]["model"] = str(tmp_path / "nothing")
    with pytest.raises(ModelError, match=r"there is no folder .*, and repositories on the hub are named"):
        recipe.run("joint", 1.0)
    config["base"]["model"] = str(base_folder)
    config["joint"]["objective"]["perceptual_weight"] = 0.1
    monkeypatch.setenv("PERCOV2_LPIPS", str(folder / "config.json"))
    with pytest.raises(InputError, match="or train without, with a perceptual_weight of 0"):
        recipe.run("joint", 1.0)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match="LoRA needs the peft package"):
        add_lora(tiny_transformer(condition_channels=16), 4)
