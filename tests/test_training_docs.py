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

from percov2_demo import HyperCodec
from percov2_demo.__main__ import build_parser
from percov2_demo.training.full_size import FullSize
from percov2_demo.training.indices import PART_PHOTOS
from percov2_demo.training.joint import JointObjective
from percov2_demo.training.loop import LoopConfig, TrainingRun
from percov2_demo.training.recipe import read_config


ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip() for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in block.strip().splitlines()
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
        assert set(options.stages) <= set(FullSize.stages())
        batch = read_config(ROOT / config)["photos"]["batch_size"]
        assert batch % (3 * 8) == 0


def test_there_are_commands_for_every_step():
    words = " ".join(COMMANDS)
    for step in ("caption", "train joint", "--resume", "train indices entropy", "export", "--push", "fsdp.yaml"):
        assert step in words


def test_settings_are_those_it_says(tmp_path):
    config = read_config(ROOT / "percov2_demo/training/configs/sd3-medium.json")["joint"]
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
    model = read_config(ROOT / "percov2_demo/training/configs/sd3-medium.json")["hyper"]["model"]
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
