"""The command line: `python -m percov2_demo COMMAND`, with `--help` for the commands.

Results go to stdout as one JSON object, captions as lines, progress to stderr.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from percov2_demo.commands import (
    bench,
    caption,
    compress,
    convert_perco,
    decompress,
    evaluate,
    info,
    publish,
    serve,
    train,
)


COMMANDS = {
    "compress": compress,
    "decompress": decompress,
    "info": info,
    "caption": caption,
    "serve": serve,
    "evaluate": evaluate,
    "bench": bench,
    "convert-perco": convert_perco,
    "train": train,
    "publish": publish,
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as those of the commands are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code, 2 for a failure that is reported in one line on stderr."""
    options = build_parser().parse_args(arguments)
    try:
        options.command(options)
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return 2
    except Exception as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="python -m percov2_demo", description="Perceptual image compression to about 100 bytes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.HELP)
        module.add_arguments(command)
        command.set_defaults(command=module.run)
    return parser


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    # A message may go on with advice for programmers; its first paragraph says what is wrong.
    paragraph = str(error).strip().partition("\n\n")[0]
    return " ".join(paragraph.split()) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
