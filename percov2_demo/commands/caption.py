"""The command `caption`: write captions of pictures."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.commands.files import check_output, report_bad_file
from percov2_demo.commands.model import add_model_options, load_model
from percov2_demo.commands.output import print_json
from percov2_demo.errors import ImageError, InputError
from percov2_demo.images import load_image


HELP = "what is on pictures, a line for each"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, nargs="+", metavar="PHOTO", help="with -o also folders and tar shards")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.jsonl", help='JSON lines of "file" and "caption"')
    parser.add_argument("--batch-size", type=int, default=16, help="pictures at once, with -o")
    add_model_options(parser, captioner=True)


def run(options: Namespace) -> int:
    """Print a caption of each picture, or write them to a file; return 1 where some pictures cannot be read."""
    return _print_captions(options) if options.output is None else _write_captions(options)


def _print_captions(options: Namespace) -> int:
    for path in options.input:
        if path.is_dir() or path.suffix == ".tar":
            raise InputError(f"{path} is no picture: name a file for the captions of many with -o")
    if not any(path.exists() for path in options.input):
        raise InputError(f"there is no file {options.input[0]}: check the name")
    pipeline, unreadable = None, 0
    for path in options.input:
        try:
            image = load_image(path)
        except ImageError as error:
            if len(options.input) == 1:
                raise
            report_bad_file(path, error)
            unreadable += 1
            # An empty line keeps the lines in step with the pictures.
            print(flush=True)
        else:
            pipeline = pipeline or load_model(options)
            print(pipeline.caption(image), flush=True)
    if pipeline is None:
        raise InputError("none of the pictures can be read: nothing was captioned")
    return 1 if unreadable else 0


def _write_captions(options: Namespace) -> int:
    from percov2_demo.captioning.batch import open_pictures, write_captions
    from percov2_demo.evaluation.run import join_processes

    pictures = open_pictures(options.input)
    check_output(options.output, pictures.sources)
    options.device = join_processes(options.device)
    written = write_captions(load_model(options).captions, pictures, options.output, options.batch_size)
    if written is None:
        return 0
    print_json(written)
    return 1 if written["unreadable"] else 0
