"""The command `vote`: a study of two folders of pictures, served as a page."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.commands.serve import add_address_options, import_gradio, serve_until_stopped
from percov2_demo.errors import InputError
from percov2_demo.evaluation.protocol import list_pictures
from percov2_demo.images import FITS


HELP = "a page on which people compare two folders of pictures"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("first", type=Path, metavar="FOLDER_A", help="pictures")
    parser.add_argument("second", type=Path, metavar="FOLDER_B", help="other pictures of the same names")
    parser.add_argument(
        "--originals", type=Path, metavar="FOLDER", help="the photos, of the same names, to be shown on request"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="gets a CSV file of each voter's votes; default: voters download their own",
    )
    add_address_options(parser)


def run(options: Namespace) -> None:
    """Serve the page until it is stopped."""
    folders = [options.first, options.second, *([options.originals] if options.originals else [])]
    first, second, *originals = (_pictures(folder) for folder in folders)
    if not first.keys() & second.keys():
        raise InputError(f"{options.first} and {options.second} have no pictures of the same name")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)

    host = import_gradio()
    from percov2_demo.ui.session.ballot import pair_folders
    from percov2_demo.ui.vote_page import build_vote

    names = options.first.resolve().name, options.second.resolve().name
    if names[0] == names[1]:
        names = "first", "second"
    pairs = pair_folders(names, first, second, originals[0] if originals else {})
    serve_until_stopped(lambda: build_vote(pairs, options.out), options.host or host, options.port)


def _pictures(folder: Path) -> dict[str, str]:
    """Find the pictures of a folder, by name without ending."""
    return {picture.path.stem: str(picture.path) for picture in list_pictures(folder, None, FITS[0])}
