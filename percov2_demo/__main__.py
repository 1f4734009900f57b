"""The command line: `percov2 COMMAND` once installed, else `python -m percov2_demo COMMAND`; `--help` lists them.

Results go to stdout as one JSON object, captions as lines, progress to stderr.
"""

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from percov2_demo import __version__
from percov2_demo.errors import PerCoError


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as those of the commands are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


SOME, FAILURE, BUG = 1, 2, 70
"""Exit codes: some of many files could not be used, which are named on stderr, and the others were; what the user can
mend, as argparse's own; and a bug of this program, as sysexits.h has it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, 0, `SOME`, `FAILURE` or `BUG`; a failure is one line on stderr."""
    options = None
    try:
        options = build_parser().parse_args(arguments)
        code = options.command(options)
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return FAILURE
    except Exception as error:
        if options is not None and options.traceback:
            traceback.print_exception(error)
        if isinstance(error, PerCoError | OSError):
            print(f"error: {_failure(error)}", file=sys.stderr)
            return FAILURE
        print(f"error: {_bug(error)}", file=sys.stderr)
        return BUG
    return code or 0


def build_parser() -> Parser:
    """Return the parser of all commands."""
    # Not when this module is imported, because Ctrl+C meanwhile would end in a traceback.
    from percov2_demo.commands import (
        bench,
        caption,
        compress,
        convert_perco,
        decompress,
        evaluate,
        info,
        painters,
        publish,
        serve,
        train,
        vote,
    )

    modules = {
        "compress": compress,
        "decompress": decompress,
        "info": info,
        "caption": caption,
        "serve": serve,
        "evaluate": evaluate,
        "vote": vote,
        "bench": bench,
        "painters": painters,
        "convert-perco": convert_perco,
        "train": train,
        "publish": publish,
    }
    program = "percov2" if Path(sys.argv[0]).stem == "percov2" else "python -m percov2_demo"
    parser = Parser(prog=program, description="Perceptual image compression to about 100 bytes.")
    parser.add_argument("--version", action="version", version=f"PerCoV2 Explorer {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in modules.items():
        command = commands.add_parser(name, help=module.HELP)
        module.add_arguments(command)
        command.add_argument("--traceback", action="store_true", help="show where in the program an error came from")
        command.set_defaults(command=module.run)
    return parser


def _failure(error: PerCoError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return _one_line(error)


def _bug(error: Exception) -> str:
    kind, message = type(error).__name__, _one_line(error)
    described = f"{kind}: {message}" if message else kind
    return f"something went wrong on our side ({described}): run the command with --traceback, and report what it says"


def _one_line(error: Exception) -> str:
    # A message may go on with advice for programmers; its first paragraph says what is wrong.
    return " ".join(str(error).strip().partition("\n\n")[0].split())


if __name__ == "__main__":
    sys.exit(main())
