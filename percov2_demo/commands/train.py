"""The command `train`: run stages of training, one after the other."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.commands.model import quieten_libraries
from percov2_demo.commands.output import print_json
from percov2_demo.errors import InputError
from percov2_demo.training.stage_names import STAGES, WRITING_STAGES


HELP = "stages of training, one after the other"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("stages", choices=STAGES, nargs="+", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--config", type=Path, help="default: the embedded model's")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos/train-*.tar")
    parser.add_argument("--work", type=Path, required=True, help="folder for the results of all stages")
    parser.add_argument("--model", help="model folder to go on from; default: that of --work")
    parser.add_argument("--out", type=Path, help="folder that the stages export, results and photo-statistics write")
    parser.add_argument("--time-budget", type=float, default=600.0, metavar="SECONDS", help="of a stage that trains")
    parser.add_argument(
        "--precision", choices=("bf16", "fp16", "no"), help="default: accelerate launch's, without it bf16"
    )
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--push", metavar="USER/NAME", help="hub repository that what was exported is uploaded to")
    parser.add_argument("--dry-run", action="store_true", help="say what --push would upload")


def run(options: Namespace) -> None:
    """Run stages of training."""
    quieten_libraries()
    from percov2_demo.training.recipes.config import read_config
    from percov2_demo.training.recipes.scratch import EMBEDDED_CONFIG, ScratchRecipe
    from percov2_demo.training.recipes.sd3 import SD3Recipe

    for stage in options.stages:
        if stage in WRITING_STAGES and options.out is None:
            # Before hours of training.
            raise InputError(f"the {stage} stage needs --out, the folder to write")
    if options.push:
        # Before hours of training.
        from percov2_demo.hub.messages import check_name

        check_name(options.push, "a model")
    config = read_config(options.config or EMBEDDED_CONFIG)
    recipe = (SD3Recipe if "base" in config else ScratchRecipe)(
        config, options.data, options.work, options.precision, options.model
    )
    for stage in options.stages:
        recipe.run(stage, options.time_budget, options.resume, options.out)
    if options.push and recipe.accelerator.is_main_process:
        from percov2_demo.hub.push_model import push

        print_json(push(options.out, options.push, options.dry_run))
