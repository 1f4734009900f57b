"""The command `caption`: write captions of pictures."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.commands.files import check_output
from percov2_demo.commands.model import add_model_options, load_pipeline
from percov2_demo.commands.output import print_json
from percov2_demo.errors import InputError


HELP = "what is on pictures, a line for each"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, nargs="+", metavar="PHOTO", help="with -o also folders and tar shards")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.jsonl", help='JSON lines of "file" and "caption"')
    parser.add_argument("--batch-size", type=int, default=16, help="pictures at once, with -o")
    add_model_options(parser, captioner=True)


def run(options: Namespace) -> None:
    """Print a caption of each picture, or write them to a file."""
    if options.output is None:
        for path in options.input:
            if path.is_dir() or path.suffix == ".tar":
                raise InputError(f"{path} is no picture: name a file for the captions of many with -o")
        pipeline = load_pipeline(options)
        for path in options.input:
            print(pipeline.caption(path), flush=True)
        return
    from percov2_demo.captioning.batch import open_pictures, write_captions
    from percov2_demo.evaluation.run import join_processes

    check_output(options.output)
    options.device = join_processes(options.device)
    pictures = open_pictures(options.input)
    written = write_captions(load_pipeline(options).captions, pictures, options.output, options.batch_size)
    if written is not None:
        print_json(written)
