"""The command `convert-perco`: turn a published PerCo (SD) checkpoint into a model folder."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.commands.files import check_output_folder
from percov2_demo.commands.model import quieten_libraries
from percov2_demo.commands.output import print_json
from percov2_demo.errors import InputError


HELP = "a published PerCo (SD) checkpoint to a model folder"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder with unet and hyper_enc")
    parser.add_argument(
        "--base", metavar="MODEL", help="Stable Diffusion 2.1, folder or hub id; for parts that CHECKPOINT lacks"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")


def run(options: Namespace) -> None:
    """Write the model folder of a published checkpoint and print what it is."""
    if options.output.exists() and (not options.output.is_dir() or any(options.output.iterdir())):
        raise InputError(f"{options.output} exists already: name a new folder")
    check_output_folder(options.output, options.checkpoint)
    quieten_libraries()
    from percov2_demo.pipelines.convert_perco import read_perco_checkpoint

    pipeline = read_perco_checkpoint(options.checkpoint, options.base)
    pipeline.save_pretrained(options.output)
    print_json({"model": str(options.output), "presets": list(pipeline.presets), "identity": pipeline.identity})
