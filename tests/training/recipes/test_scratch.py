"""The whole recipe on a handful of drawn pictures: every stage runs, resumes, and a model comes out."""

import gzip
import json

import pytest
import torch
from transformers import CLIPTextModelWithProjection

from percov2_demo import HyperCodec, PatchAutoencoder, PerCoV2Pipeline
from percov2_demo.bitstream import Header
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.errors import InputError, ModelError
from percov2_demo.training.data.indices import IndexBatches
from percov2_demo.training.measures import edits
from percov2_demo.training.recipes.config import read_config
from percov2_demo.training.recipes.export import note_earlier_training
from percov2_demo.training.recipes.scratch import EMBEDDED_CONFIG, ScratchRecipe
from percov2_demo.training.stage_names import TIMED_STAGES
from tests.conftest import CAPTIONS, TINY_CAPTIONER, tiny_pipeline
from tests.scene import draw_scene
from tests.shards import write_photos


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_captioned(folder / "photos" / "train-00.tar", CAPTIONS * 2)
    write_captioned(folder / "photos" / "val.tar", CAPTIONS[:2])
    (folder / "kodak").mkdir()
    draw_scene(768, 512).save(folder / "kodak" / "kodim01.png")
    (folder / "kodak" / "captions.jsonl").write_text('{"file": "kodim01.png", "caption": "a house"}\n')
    with gzip.open(folder / "captions-train.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(CAPTIONS))
    return folder


def write_captioned(path, captions):
    photos = [draw_scene(320 + 16 * number, 288) for number in range(len(captions))]
    records = [{"captions": [caption], "source": "drawn"} for caption in captions]
    write_photos(path, zip(photos, records, strict=True))


def small_config():
    config = read_config(EMBEDDED_CONFIG)
    config["autoencoder"] |= {
        "model": {"encoder_width": 16, "encoder_blocks": 1, "decoder_width": 16, "decoder_blocks": 1},
        "crop": 64,
        "batch_size": 2,
    }
    config["tokenizer"] = {"vocabulary_size": 300, "max_length": 16}
    config["hyper"]["model"] |= {"encoder_width": 16, "channels": 16, "decoder_width": 16, "decoder_blocks": 1}
    config["flow"]["transformer"] |= {
        "num_layers": 1,
        "num_attention_heads": 1,
        "attention_head_dim": 32,
        "caption_projection_dim": 32,
    }
    config["flow"]["text_encoder"] |= {"num_hidden_layers": 2, "intermediate_size": 32}
    config["indices"]["sides"] = [256]
    config["entropy"]["model"] |= {"width": 24, "blocks": 1, "hidden": 48, "kernel": 3}
    config["entropy"]["shapes"] = {
        "ultra-low": [[4, 4, 1.0, 2]],
        "low": [[8, 8, 0.5, 2], [4, 8, 0.5, 2]],
        "extreme-low": [[16, 16, 1.0, 2]],
    }
    config["scales"] |= {"encoded": 3, "batch_size": 4, "steps": 3}
    config["scales"]["model"] |= {"width": 24, "blocks": 1, "hidden": 48, "kernel": 3, "text_width": 8}
    config["scales"]["pictures"]["shapes"] = [[64, 64, 0.5, 2], [128, 128, 0.5, 1]]
    config["caption-coder"] |= {
        "vocabulary_size": 300,
        "model": {"width": 24, "layers": 1, "heads": 3, "hidden": 48},
        "batch_size": 4,
    }
    config["captioner"] |= TINY_CAPTIONER | {"side": 72}
    config["captioner"]["batches"] |= {"crop": 8, "batch_size": 4}
    config["latents"]["edited_share"] = 0.5
    for stage in ("edits", "painter"):
        config[stage]["batches"]["shapes"] = [[64, 64, 1.0, 3]]
    for stage in ("hyper", "flow"):
        config[stage]["shapes"] = [[32, 32, 0.5, 3], [32, 40, 0.5, 3]]
    for stage in set(TIMED_STAGES) & set(config):
        config[stage]["loop"] |= {"max_steps": 2}
    return config


def test_recipe_makes_a_model(data, tmp_path, monkeypatch):
    # Each edit of each picture is painted.
    monkeypatch.setattr(edits, "EDITS", edits.EDITS[:1])
    config = small_config()
    stages = ScratchRecipe(config, data, tmp_path / "work", precision="no")
    for stage in ("autoencoder", "latents", "tokenizer", "hyper", "flow", "edits", "painter"):
        stages.run(stage, 60.0)
    with pytest.raises(InputError, match="a trained state of step 2 in painter: resume it"):
        stages.run("painter", 60.0)
    assert (tmp_path / "work" / "painter" / "transformer").is_dir()
    words = [
        CLIPTextModelWithProjection.from_pretrained(tmp_path / "work" / stage / "text_encoder").state_dict()
        for stage in ("flow", "edits", "painter")
    ]
    first, widened, kept = (next(v for k, v in part.items() if "token_embedding" in k) for part in words)
    # A new text encoder begins with `edits`, and the painter goes on with it.
    assert widened.std() > 5 * first.std()
    torch.testing.assert_close(kept, widened, atol=0.01, rtol=0)
    config["leverage"]["guidances"] = [1.0]
    config["strength"] |= {"photos": 1, "candidates": [0.5, 1.0], "steps": 1}
    config["flow"]["loop"]["max_steps"] = 3
    stages.run("flow", 60.0, resume=True)
    assert json.loads((tmp_path / "work" / "flow" / "state.json").read_text())["step"] == 3
    for stage in ("scales", "strength", "leverage", "captioner", "curves"):
        stages.run(stage, 60.0)
    stages.export(tmp_path / "model")

    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    pipeline = PerCoV2Pipeline.from_pretrained(tmp_path / "model")
    pipeline.set_progress_bar_config(disable=True)
    assert manifest["identity"] == pipeline.identity
    assert manifest["sources"] == {"drawn": 6}
    assert manifest["training"]["flow"]["step"] == 3
    stream = pipeline.compress(draw_scene(), "low", "an old castle")
    assert pipeline.decompress(pipeline.read(stream.to_bytes()), num_inference_steps=2).size == (512, 512)
    assert pipeline.vae.config.scaling_factor != 1.0
    assert pipeline.default_strength("low") in (0.5, 1.0)
    trained = HyperCodec.from_pretrained(tmp_path / "work" / "flow" / "hyper_codec")
    encoders = {name: value for name, value in trained.state_dict().items() if name.startswith("encoders.")}
    integers = {name: value for name, value in encoders.items() if not value.is_floating_point()}
    assert integers and trained.config.integer_weights
    assert all(torch.equal(value, pipeline.hyper_codec.state_dict()[name]) for name, value in integers.items())
    assert manifest["training"]["scales"]["step"] == 2
    assert pipeline.decompress(stream, painter="scales").size == (512, 512)
    assert pipeline.caption(draw_scene()) == pipeline.caption(draw_scene())
    assert manifest["parameters"]["captioner"] == pipeline.captioner.num_parameters()
    assert (tmp_path / "work" / "captioner" / "latents" / "train-00.safetensors").is_file()
    assert len((tmp_path / "work" / "strength" / "curve.csv").read_text().splitlines()) == 1 + 3 * 2
    assert len((tmp_path / "work" / "leverage" / "leverage.csv").read_text().splitlines()) == 1 + 3
    change = (tmp_path / "work" / "leverage" / "caption-change.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in change[1:]] == [[preset, "1"] for preset in pipeline.presets]
    edited = (tmp_path / "work" / "leverage" / "edits.csv").read_text().splitlines()
    # Nothing is drawn of the finest preset; both painters' usual guidance is that of the config.
    assert len(edited) == 1 + 2 * len(pipeline.presets) - 1
    assert len((tmp_path / "work" / "leverage" / "scales.csv").read_text().splitlines()) == 1 + 3
    assert "painter: coarse" in (tmp_path / "work" / "curves.html").read_text()


def test_a_stage_names_the_one_that_has_to_run_first(data, tmp_path):
    stages = ScratchRecipe(small_config(), data, tmp_path / "work", precision="no")
    for stage, missing in (
        ("flow", "hyper/model"),
        ("latents", "autoencoder/model"),
        ("entropy", "autoencoder/model"),
    ):
        first = missing.partition("/")[0]
        with pytest.raises(InputError, match=f"^there is no {missing} yet: run the {first} stage first$"):
            stages.run(stage, 60.0)
    stages.run("autoencoder", 60.0)
    with pytest.raises(InputError, match=r"^there is no latents/train\.safetensors yet: run the latents stage first$"):
        stages.run("hyper", 60.0)
    with pytest.raises(
        InputError, match=r"^there is no trained hyper_codec, transformer, text_encoder, tokenizer: run"
    ):
        stages.export(tmp_path / "model")


def test_entropy_models_of_a_model_folder(data, tmp_path):
    """The entropy models are trained on the stages' own model, or on another that is named."""
    tiny_pipeline().save_pretrained(tmp_path / "pipeline")
    stages = ScratchRecipe(small_config(), data, tmp_path / "work", precision="no", model=str(tmp_path / "pipeline"))
    for stage in ("indices", "entropy", "caption-coder"):
        stages.run(stage, 60.0)
    stages.run("entropy", 60.0, resume=True)
    path = tmp_path / "work" / "indices" / "val" / "000000000.safetensors"
    first = path.stat().st_mtime_ns
    stages.run("indices", 60.0)
    assert path.stat().st_mtime_ns == first

    indices = IndexBatches([path], {"low": [[8, 8, 1.0, 3]]}, 0)(0)["low"]
    assert indices.shape == (3, 8, 8)
    coder = EntropyCoder(
        CaptionModel.from_pretrained(tmp_path / "work" / "caption-coder" / "model"),
        MaskedModel.from_pretrained(tmp_path / "work" / "entropy" / "model"),
    )
    fields = {"width": 256, "height": 256, "preset": "low", "version": 2, "entropy": "qlds", "entropy_steps": 5}
    coding, payload = coder.encode(indices[0].numpy(), CAPTIONS[2], Header(caption_coding="none", **fields))
    content = coder.decode(payload.data, Header(caption_coding="model", **fields))
    assert (coding, content.caption) == ("model", CAPTIONS[2])
    assert (content.indices == indices[0].numpy()).all()

    (tmp_path / "pipeline" / "manifest.json").write_text(json.dumps({"training": {"flow": {"step": 7}}}))
    stages.config["export"] = {"pos_embed_max_size": 40, "default_entropy": {"low": "checkerboard"}}
    stages.export(tmp_path / "out")
    pipeline = PerCoV2Pipeline.from_pretrained(tmp_path / "out")
    assert pipeline.max_side == 640
    stream = pipeline.compress(draw_scene(256, 256), "low", CAPTIONS[2], entropy="checkerboard")
    assert pipeline.read(stream.to_bytes()) == stream
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["identity"] == pipeline.identity
    assert set(manifest["training"]) == {"flow", "entropy", "caption-coder"}
    assert manifest["parameters"]["masked_model"] > 0

    tiny_pipeline(seed=1).save_pretrained(tmp_path / "pipeline")
    stages.run("indices", 60.0)
    assert path.stat().st_mtime_ns > first


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"training": 5}', '{"training": {"flow": 5}}'])
def test_a_damaged_manifest_of_the_model_to_go_on_from_is_one_sentence(tmp_path, content):
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ModelError, match=r"^the model's file manifest\.json is damaged: fetch the model again$"):
        note_earlier_training(tmp_path / "work" / "flow", str(tmp_path))


@pytest.mark.parametrize("integer_weights", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_painter_is_trained_for_the_latents_it_has(integer_weights, data, tmp_path):
    """What encodes stays to the bit, and the manifest counts what the model had been trained before, once."""
    pipeline = tiny_pipeline()
    if integer_weights:
        pipeline.hyper_codec.quantize_weights()
    pipeline.save_pretrained(tmp_path / "pipeline")
    before = {"painter": {"step": 7, "seconds": 100.0}, "flow": {"step": 5, "seconds": 9.0}}
    (tmp_path / "pipeline" / "manifest.json").write_text(json.dumps({"training": before}))
    model = str(tmp_path / "pipeline")
    config = small_config()
    config["flow"]["transformer"] = {name: pipeline.transformer.config[name] for name in config["flow"]["transformer"]}
    stages = ScratchRecipe(config, data, tmp_path / "work", precision="no", model=model)
    stages.run("painter", 60.0)
    learning = {"vae": {"synthesis", "decoder"}, "hyper_codec": {"decoders"}}
    for (name, parts), kind in zip(learning.items(), (PatchAutoencoder, HyperCodec), strict=True):
        first, trained = (
            kind.from_pretrained(folder / name).state_dict()
            for folder in (tmp_path / "pipeline", tmp_path / "work" / "painter")
        )
        changed = {key.partition(".")[0] for key, value in first.items() if not torch.equal(value, trained[key])}
        assert changed == parts

    stages.config["painter"]["loop"]["max_steps"] = 3
    stages.run("painter", 60.0, resume=True)
    state = tmp_path / "work" / "painter" / "state.json"
    # Steps as small as these take no time that is worth adding.
    state.write_text(json.dumps(json.loads(state.read_text()) | {"seconds": 20.0}))
    stages.export(tmp_path / "out")
    ScratchRecipe(stages.config, data, tmp_path / "work", "no", str(tmp_path / "out")).export(tmp_path / "again")
    for name in ("out", "again"):
        training = json.loads((tmp_path / name / "manifest.json").read_text())["training"]
        assert training["painter"]["step"] == 7 + 3
        assert training["painter"]["seconds"] == 100.0 + 20.0
        assert training["flow"] == before["flow"]


def test_captioner_of_a_model_folder(data, tmp_path):
    """It is made for the folder's autoencoder and tokenizer, resumes, and is added to the folder's model."""
    base = tiny_pipeline()
    base.register_modules(captioner=None)
    base.to(torch.float16, silence_dtype_warnings=True)
    base.save_pretrained(tmp_path / "pipeline")
    config, work = small_config(), tmp_path / "work" / "captioner"
    config["export"]["pos_embed_max_size"] = base.transformer.config.pos_embed_max_size
    stages = ScratchRecipe(config, data, tmp_path / "work", precision="no", model=str(tmp_path / "pipeline"))
    stages.run("captioner", 60.0)
    first = (work / "latents" / "train-00.safetensors").stat().st_mtime_ns
    config["captioner"]["loop"]["max_steps"] = 3
    stages.run("captioner", 60.0, resume=True)
    assert json.loads((work / "state.json").read_text())["step"] == 3
    assert (work / "latents" / "train-00.safetensors").stat().st_mtime_ns == first
    assert json.loads((work / "validation.json").read_text())["photos"] == 2
    assert len((work / "captions.csv").read_text().splitlines()) == 3

    (tmp_path / "pipeline" / "manifest.json").write_text(json.dumps({"training": {}}))
    stages.export(tmp_path / "out")
    pipeline = PerCoV2Pipeline.from_pretrained(tmp_path / "out")
    assert pipeline.identity == base.identity
    assert pipeline.captioner.config.encoder.image_size == 8
    assert set(json.loads((tmp_path / "out" / "manifest.json").read_text())["training"]) == {"captioner"}
