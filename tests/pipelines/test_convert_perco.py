"""Published PerCo (SD) checkpoints: their names and shapes, what is made of them, and what is refused."""

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from percov2_demo import HyperCodec
from percov2_demo.__main__ import main
from percov2_demo.errors import ModelError
from percov2_demo.pipelines.convert_perco import published_hyper_encoder, published_unet, read_perco_checkpoint
from percov2_demo.presets import PRESETS
from tests.model_hub import Hub, serve_hub
from tests.perco import (
    SCHEDULER,
    TINY_HYPER_CONFIG,
    TINY_UNET_CONFIG,
    UNET_CONFIG,
    hyper_encoder_shapes,
    hyper_encoder_state,
    reference_encode,
    tiny_text_model,
    tiny_vae,
    unet_state,
    write_base,
    write_checkpoint,
    write_part,
)


SIZES = {"ultra-low": 5_868_032, "low": 5_849_600, "extreme-low": 4_964_864, "high": 4_080_128}
"""Parameters of PerCo (SD)'s hyper-encoders by preset; the first and last stand in its source."""

PROJECTIONS = 320 * 32 + 32 + 32 * 320 + 320

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("perco") / "checkpoint")


@pytest.mark.parametrize("preset", SIZES)
def test_full_size_hyper_encoders_are_the_published_ones(preset):
    grid, codebook = PRESETS[preset].grid(512, 512)[0], PRESETS[preset].codebook_size
    config = {"in_channels": 4, "N": 192, "M": 320, "codebook_dim": 32, "cfg_ss": grid, "cfg_cs": codebook}
    with torch.device("meta"):
        codec = HyperCodec(presets=(preset,), latent_channels=4)
    table = published_hyper_encoder(codec)
    assert {name: tuple(shape) for name, (_, shape) in table.items()} == hyper_encoder_shapes(config)
    assert {ours for ours, _ in table.values()} - {None} == set(codec.state_dict())
    backbone = sum(math.prod(shape) for name, (_, shape) in table.items() if name.startswith("backbone."))
    assert backbone == SIZES[preset]
    assert sum(map(torch.numel, codec.parameters())) == SIZES[preset] + PROJECTIONS


def test_the_full_size_unet_is_the_published_one():
    """Stable Diffusion 2.1's 866 million parameters, and a second first convolution for 4 + 320 channels."""
    with torch.device("meta"):
        base = UNet2DConditionModel(**UNET_CONFIG)
        widened = UNet2DConditionModel(**UNET_CONFIG | {"in_channels": 324})
    expected = {name: value.shape for name, value in base.state_dict().items()}
    assert sum(map(math.prod, expected.values())) == 865_910_724
    expected |= {"conv_in_extended.weight": (320, 324, 3, 3), "conv_in_extended.bias": (320,)}
    table = published_unet(widened, latent_channels=4)
    assert {name: shape for name, (_, shape) in table.items()} == expected
    assert {ours for ours, _ in table.values()} - {None} == set(widened.state_dict())
    assert table["conv_in_extended.weight"][0] == "conv_in.weight"
    assert table["conv_in.weight"][0] is None


@pytest.mark.parametrize("grid", [8, 32, 64])
@torch.inference_mode()
def test_the_hyper_encoder_computes_what_the_published_one_does(tmp_path, grid):
    config = TINY_HYPER_CONFIG | {"cfg_ss": grid}
    pipeline = read_perco_checkpoint(write_checkpoint(tmp_path, config))
    (preset,) = pipeline.presets
    latents = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(1))
    z_hat, indices = reference_encode(hyper_encoder_state(config), latents)
    assert indices.shape[1:] == (grid, grid) == PRESETS[preset].grid(512, 512)
    assert indices.unique().numel() > 10
    # A feature halfway between two code vectors may fall to either.
    assert (pipeline.hyper_codec.encode(latents, preset) == indices).float().mean() > 0.999
    channels = pipeline.hyper_codec.decode(indices, preset).channels
    repeat = 64 // grid
    assert torch.allclose(channels, z_hat.repeat_interleave(repeat, 2).repeat_interleave(repeat, 3), atol=1e-5)


def test_the_unet_has_the_extended_convolution(checkpoint):
    unet = read_perco_checkpoint(checkpoint).unet
    published = load_file(checkpoint / "unet" / WEIGHTS)
    assert torch.equal(unet.conv_in.weight, published["conv_in_extended.weight"])
    assert torch.equal(unet.conv_out.weight, published["conv_out.weight"])
    assert unet.config.in_channels == 4 + TINY_HYPER_CONFIG["M"]
    assert not unet.training


def test_parts_that_are_missing_come_from_the_base(tmp_path, checkpoint):
    partial, base = write_checkpoint(tmp_path / "partial", with_base=False), write_base(tmp_path / "base")
    with pytest.raises(ModelError, match=r"has no vae: name Stable Diffusion 2\.1"):
        read_perco_checkpoint(partial)
    pipeline = read_perco_checkpoint(partial, str(base))
    assert pipeline.scheduler.config.prediction_type == "v_prediction"
    (base / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="the files of vae are damaged or do not belong together"):
        read_perco_checkpoint(partial, str(base))
    shutil.rmtree(base / "vae")
    with pytest.raises(ModelError, match=r"base has no vae: name Stable Diffusion 2\.1 as the base"):
        read_perco_checkpoint(partial, str(base))


SD21 = "someone/stable-diffusion-2-1"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    base = write_base(tmp_path / "hub")
    index = {part: ["library", "Class"] for part in ("vae", "text_encoder", "tokenizer", "scheduler", "unet")}
    (base / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"} | index))
    write_part(base / "unet", {}, {"large": torch.zeros(1)})
    with serve_hub(Hub({SD21: base}), tmp_path / "cache", monkeypatch) as stand_in:
        yield stand_in


def test_the_base_comes_from_the_hub_without_what_is_replaced(hub, tmp_path):
    pipeline = read_perco_checkpoint(write_checkpoint(tmp_path / "partial", with_base=False), SD21)
    stored = load_file(hub.repositories[SD21] / "vae" / WEIGHTS)
    assert all(torch.equal(value, stored[name]) for name, value in pipeline.vae.state_dict().items())
    assert {file.partition("/")[0] for file in hub.sent} == {
        "model_index.json",
        "vae",
        "text_encoder",
        "tokenizer",
        "scheduler",
    }


@pytest.mark.parametrize(
    ("trouble", "base", "sentence"),
    [
        ("gated", SD21, f"{SD21} is gated and no access token was sent: accept its licence"),
        (
            "offline",
            SD21,
            f"{SD21} is neither a folder nor complete in the hub's cache, and the hub cannot",
        ),
        ("", "someone/other", "there is no folder 'someone/other', and the hub shows no repository of that name"),
        (
            "",
            "no/such/folder",
            "there is no folder 'no/such/folder', and repositories on the hub are named",
        ),
    ],
)
def test_a_base_that_cannot_be_had_is_the_sentence_of_every_model(
    trouble, base, sentence, hub, tmp_path, monkeypatch, capsys
):
    if trouble == "gated":
        hub.gated = (SD21,)
    if trouble == "offline":
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    partial = write_checkpoint(tmp_path / "partial", with_base=False)
    assert main(["convert-perco", str(partial), "--base", base, "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["convert-perco", str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        "error: there is no folder 'nowhere': name the folder of the checkpoint, with unet and hyper_enc\n"
    )


def test_the_base_models_scheduler_is_refused_and_others_are_set_as_the_original_sets_them(tmp_path):
    folder = write_checkpoint(tmp_path)
    config = {name: value for name, value in SCHEDULER.items() if name not in ("clip_sample", "steps_offset")}
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(config))
    scheduler = read_perco_checkpoint(folder).scheduler
    assert (scheduler.config.clip_sample, scheduler.config.steps_offset) == (False, 1)
    path.write_text(json.dumps(config | {"prediction_type": "epsilon"}))
    with pytest.raises(ModelError, match="is for epsilon, but"):
        read_perco_checkpoint(folder)


def test_weights_in_torchs_own_format_are_read_as_tensors_alone(tmp_path, checkpoint):
    folder = write_checkpoint(tmp_path)
    safe, old = folder / "hyper_enc" / WEIGHTS, folder / "hyper_enc" / "diffusion_pytorch_model.bin"
    torch.save(load_file(safe), old)
    safe.unlink()
    assert read_perco_checkpoint(folder).compute_identity() == read_perco_checkpoint(checkpoint).compute_identity()
    torch.save({"code": Path("anything but a tensor")}, old)
    with pytest.raises(ModelError, match="holds more than tensors"):
        read_perco_checkpoint(folder)


def changed_hyper_encoder(**changes):
    """A hyper-encoder's parameters with some replaced, or left out if None."""
    state = hyper_encoder_state(TINY_HYPER_CONFIG)
    state |= {name: value for name, value in changes.items() if value is not None}
    return {name: value for name, value in state.items() if changes.get(name, 0) is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone.0.weight": None}, r"its hyper_enc lacks backbone\.0\.weight$"),
        ({"proj_in.1.weight": torch.zeros(2)}, r"its hyper_enc has unexpectedly proj_in\.1\.weight$"),
        (
            {"backbone.4.weight": torch.zeros(8, 8, 1, 1)},
            r"has in another shape backbone\.4\.weight \(8, 8, 1, 1\) in place of \(8, 8, 5, 5\)$",
        ),
        ({"quantizer._codebook.embed": 2 * torch.ones(1, 256, 4)}, "not of unit length"),
    ],
)
def test_another_hyper_encoder_is_refused_by_its_names(tmp_path, changes, message):
    folder = write_checkpoint(tmp_path)
    write_part(folder / "hyper_enc", TINY_HYPER_CONFIG, changed_hyper_encoder(**changes))
    with pytest.raises(ModelError, match=message):
        read_perco_checkpoint(folder)


def test_another_design_is_refused_by_the_first_names_and_a_count(tmp_path):
    folder = write_checkpoint(tmp_path)
    write_part(folder / "hyper_enc", TINY_HYPER_CONFIG, {"proj_in.1.weight": torch.zeros(1)})
    with pytest.raises(
        ModelError, match=r"lacks (\S+, ){2}\S+ and \d+ more, and has unexpectedly proj_in\.1\.weight$"
    ):
        read_perco_checkpoint(folder)


def test_a_plain_unet_is_refused(tmp_path):
    folder = write_checkpoint(tmp_path)
    state = unet_state(TINY_UNET_CONFIG, TINY_HYPER_CONFIG["M"])
    plain = {name: value for name, value in state.items() if not name.startswith("conv_in_extended")}
    save_file(plain, folder / "unet" / WEIGHTS)
    with pytest.raises(ModelError, match=r"its unet lacks conv_in_extended\.weight, conv_in_extended\.bias$"):
        read_perco_checkpoint(folder)


@pytest.mark.parametrize(
    ("part", "config", "message"),
    [
        (
            "hyper_enc",
            TINY_HYPER_CONFIG | {"cfg_ss": 32, "cfg_cs": 8196},
            "no preset has a grid of 32 and a codebook of 8196",
        ),
        ("hyper_enc", {"cfg_ss": 8, "cfg_cs": 256}, "hyper_enc/config.json does not say in_channels, N, M and 1 more"),
        ("unet", {}, "unet/config.json does not say in_channels"),
        (
            "unet",
            TINY_UNET_CONFIG | {"layers_per_block": "two"},
            "the files of unet are damaged",
        ),
        (
            "unet",
            TINY_UNET_CONFIG | {"down_block_types": 7},
            "the files of unet are damaged",
        ),
        ("hyper_enc", [], "the model's file hyper_enc/config.json is damaged"),
        ("unet", "config", "the model's file unet/config.json is damaged"),
        *(
            ("hyper_enc", TINY_HYPER_CONFIG | {name: wrong}, f"hyper_enc/config.json does not say {name}$")
            for name in TINY_HYPER_CONFIG
            for wrong in ("8", [8], None, 0, True)
        ),
        ("unet", TINY_UNET_CONFIG | {"in_channels": "4"}, "unet/config.json does not say in_channels$"),
    ],
)
def test_a_config_that_says_something_else_is_refused(tmp_path, part, config, message):
    folder = write_checkpoint(tmp_path / "checkpoint")
    write_part(folder / part, config, load_file(folder / part / WEIGHTS))
    with pytest.raises(ModelError, match=message):
        read_perco_checkpoint(folder)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_config_that_is_not_json_names_its_part(tmp_path, part):
    folder = write_checkpoint(tmp_path / "checkpoint")
    (folder / part / "config.json").write_text("{")
    with pytest.raises(ModelError, match=rf"^the (model's file {part}/config\.json is|files of {part} are) damaged"):
        read_perco_checkpoint(folder)


@pytest.mark.parametrize(
    ("part", "change", "sentence"),
    [
        ("vae", {"latent_channels": 16}, "the vae has 16 latent channels, but the checkpoint was trained with 4"),
        ("text_encoder", {"hidden_size": 32}, "the text_encoder has 32 channels, but the checkpoint was trained with"),
    ],
)
def test_a_base_of_another_family_is_told_by_its_part(tmp_path, part, change, sentence):
    partial, base = write_checkpoint(tmp_path / "partial", with_base=False), write_base(tmp_path / "base")
    if part == "vae":
        AutoencoderKL(**dict(tiny_vae().config) | change).save_pretrained(base / part)
    else:
        config = tiny_text_model().config
        config.update(change)
        CLIPTextModel(config).save_pretrained(base / part)
    with pytest.raises(ModelError, match=rf"^{sentence} ?\d*: name Stable Diffusion 2\.1 as the base$"):
        read_perco_checkpoint(partial, str(base))


@pytest.mark.parametrize("missing", [f"hyper_enc/{WEIGHTS}", "unet/config.json"])
def test_a_folder_without_the_parts_is_refused(tmp_path, missing):
    folder = write_checkpoint(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(ModelError, match=f"it has no {missing}"):
        read_perco_checkpoint(folder)


@pytest.mark.parametrize("part", ["hyper_enc", "unet"])
def test_damaged_weights_are_named(tmp_path, part):
    folder = write_checkpoint(tmp_path)
    path = folder / part / WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=f"^{part}/{WEIGHTS} is damaged"):
        read_perco_checkpoint(folder)
