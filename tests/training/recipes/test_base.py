"""What all recipes share."""

import os

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from torch.distributed.fsdp import MixedPrecisionPolicy

from percov2_demo.errors import InputError
from percov2_demo.training.recipes import base
from percov2_demo.training.recipes.base import sharding_plugin
from percov2_demo.training.recipes.scratch import EMBEDDED_CONFIG, ScratchRecipe
from percov2_demo.training.stage_names import WRITING_STAGES


def test_a_stage_without_settings_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"^the config lacks flow, the settings of that stage$"):
        ScratchRecipe({"seed": 0}, tmp_path, tmp_path, "no").run("flow", 1.0)


@pytest.mark.parametrize("stage", WRITING_STAGES)
def test_a_stage_that_writes_a_folder_is_told_which(stage, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(ScratchRecipe, stage.replace("-", "_"), lambda self, out: written.append(out))
    recipe = ScratchRecipe({"seed": 0}, tmp_path, tmp_path, "no")
    with pytest.raises(InputError, match=f"^the {stage} stage writes a folder: name one"):
        recipe.run(stage, 1.0)
    recipe.run(stage, 1.0, out=tmp_path / "out")
    assert written == [tmp_path / "out"]


@pytest.fixture
def launched(monkeypatch):
    """The environment that `accelerate launch` gives processes under `fsdp.yaml`."""
    arguments = ["--config_file", str(EMBEDDED_CONFIG.with_name("fsdp.yaml")), "-m", "percov2_demo"]
    options, *_ = _validate_launch_command(launch_command_parser().parse_args(arguments))
    for name, value in prepare_multi_gpu_env(options).items() - os.environ.items():
        if name.startswith(("FSDP_", "ACCELERATE_")):
            monkeypatch.setenv(name, value)


def test_pieces_are_gathered_in_half_precision_and_nothing_else_is_rounded(launched, monkeypatch, tmp_path):
    given = {}

    def accelerator(**settings):
        given.update(settings)

    monkeypatch.setattr(base, "Accelerator", accelerator)
    ScratchRecipe({"seed": 0}, tmp_path, tmp_path)
    views = [handler.to_kwargs().get("gradient_as_bucket_view") for handler in given["kwargs_handlers"]]
    assert True in views
    plugin = given["fsdp_plugin"]
    # What accelerate does to the plugin next.
    plugin.set_mixed_precision(given["mixed_precision"])
    assert given["mixed_precision"] == "bf16"
    assert plugin.mixed_precision_policy == MixedPrecisionPolicy(
        param_dtype=torch.bfloat16, reduce_dtype=torch.float32, output_dtype=None, cast_forward_inputs=False
    )
    assert plugin.fsdp_version == 2 and plugin.reshard_after_forward is True
    assert plugin.transformer_cls_names_to_wrap == ["JointTransformerBlock"]


def test_only_the_second_fsdp_is_taken(launched, monkeypatch):
    monkeypatch.setenv("FSDP_VERSION", "1")
    with pytest.raises(InputError, match="fsdp_version: 2"):
        sharding_plugin("bf16")
    monkeypatch.delenv("ACCELERATE_USE_FSDP")
    assert sharding_plugin("bf16") is None
