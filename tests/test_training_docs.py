"""Commands and figures of docs/training.md: every command is one that the programs take."""

import re
import shlex
from inspect import signature
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from diffusers import SD3Transformer2DModel
from diffusers.models.autoencoders.vae import Decoder

from percov2_demo import HyperCodec
from percov2_demo.__main__ import build_parser
from percov2_demo.training.data.indices import PART_PHOTOS
from percov2_demo.training.loop import LoopConfig, TrainingRun
from percov2_demo.training.objectives.joint import JointObjective
from percov2_demo.training.recipes.config import read_config
from percov2_demo.training.recipes.sd3 import SD3Recipe


ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
FULL_SIZE = TEXT.partition("## The full-size model")[2]
COMMANDS = [
    line.strip()
    for block in re.findall(r"```bash\n(.*?)```", FULL_SIZE, re.DOTALL)
    for line in block.strip().splitlines()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_taken(command):
    words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    if words[0] == "accelerate":
        assert words[1] == "launch"
        launched = launch_command_parser().parse_args(words[2:])
        assert launched.module
        if launched.config_file:
            assert load_config_from_file(str(ROOT / launched.config_file)).num_processes == 8
        module, arguments = launched.training_script, launched.training_script_args
    else:
        assert words[:2] == ["python", "-m"]
        module, arguments = words[2], words[3:]
    assert module == "percov2_demo"
    options = build_parser().parse_args(arguments)
    config = getattr(options, "config", None)
    if config is not None and config != Path("CONFIG"):
        assert set(options.stages) <= set(SD3Recipe.stages())
        batch = read_config(ROOT / config)["photos"]["batch_size"]
        assert batch % (3 * 8) == 0


def test_there_are_commands_for_every_step():
    words = " ".join(COMMANDS)
    for step in ("caption", "train joint", "--resume", "train indices entropy", "export", "--push", "fsdp.yaml"):
        assert step in words


def test_settings_are_those_it_says(tmp_path):
    config = read_config(ROOT / "percov2_demo/training/recipes/configs/sd3-medium.json")["joint"]
    objective = torch.nn.ModuleDict({"hyper_codec": torch.nn.Linear(1, 1)})
    run = TrainingRun(objective, tmp_path, LoopConfig(**config["loop"]), Accelerator(cpu=True))
    settings = run.optimizer.optimizer.defaults
    assert "| AdamW's betas | {} and {};".format(*settings["betas"]) in TEXT
    assert f"weight decay {settings['weight_decay']}, gradient norm {run.config.gradient_clip:g}" in TEXT
    assert f"| T5 dropout | {100 * config['t5_dropout']:.1f} % of the samples" in TEXT
    pictures = signature(JointObjective).parameters["perceptual_pictures"].default
    assert f"the first `perceptual_pictures` ({pictures}) of each preset" in TEXT
    assert f"in parts of {PART_PHOTOS:,}," in TEXT


def test_parameters_are_as_many_as_it_says():
    model = read_config(ROOT / "percov2_demo/training/recipes/configs/sd3-medium.json")["hyper"]["model"]
    with torch.device("meta"):
        codec = HyperCodec(**model)
        transformer = SD3Transformer2DModel(
            in_channels=16 + codec.condition_channels,
            out_channels=16,
            sample_size=128,
            patch_size=2,
            num_layers=24,
            attention_head_dim=64,
            num_attention_heads=24,
            joint_attention_dim=4096,
            caption_projection_dim=1536,
            pooled_projection_dim=2048,
            pos_embed_max_size=192,
        )
    for part in (codec, transformer):
        assert f"{sum(parameter.numel() for parameter in part.parameters()):,}" in TEXT


def kept_gigabytes(part: torch.nn.Module, *inputs: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The output, and what the backward pass has to have kept of it, beside the weights."""
    weights = {weight.untyped_storage()._cdata for weight in part.parameters()}
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        # Whoever holds the tensor keeps its storage's address from being another's.
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = part(*(value.detach().requires_grad_() for value in inputs))
    return output, sum(t.untyped_storage().nbytes() for place, t in kept.items() if place not in weights) / 1e9


def test_a_decoded_picture_takes_as_much_as_it_says():
    with torch.device("meta"):
        decoder = Decoder(
            in_channels=16,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
        ).requires_grad_(False)
        latents = torch.empty(1, 16, 64, 64, dtype=torch.bfloat16)
    for layer in decoder.bfloat16().modules():
        if isinstance(layer, torch.nn.GroupNorm):
            layer.float().register_forward_pre_hook(lambda _, given: (given[0].float(),))
        elif isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_pre_hook(lambda _, given: (given[0].bfloat16(),))
    _, whole = kept_gigabytes(decoder, latents)
    assert f"as under autocast: {whole:.1f} GB for one 512x512 picture, {18 * whole:.0f} GB for 18." in TEXT
    between, blocks, value = 0.0, [], decoder.conv_in(latents)
    for block in (decoder.mid_block, *decoder.up_blocks):
        between += value.untyped_storage().nbytes() / 1e9
        value, kept = kept_gigabytes(block, value)
        blocks.append(kept)
    _, end = kept_gigabytes(torch.nn.Sequential(decoder.conv_norm_out, decoder.conv_act, decoder.conv_out), value)
    assert f"it keeps {between + end:.1f} GB a picture, and {max(blocks):.1f} GB for the largest" in TEXT
