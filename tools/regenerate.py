"""Measure all that the documents show, and rewrite them: `python -m tools.regenerate KODAK_FOLDER --captions FILE`.

Results go to `assets/results`, from where tables, charts and screenshots of the documents are made. What training
alone measures (`train results`, `train curves`) is taken as it is.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tools.document_tables import RESULTS, ROOT, SCALE


CODINGS = ("default", "uniform", "checkerboard", "quincunx", "qlds:5", "qlds:12", "var")
STRENGTHS = ("default", "0", "0.34", "1")
BUDGETS = ("100", "200", "300", "500", "800", "2000", "4000", "6000")
"""Bytes of refined files."""

STAGES = ("kodak", "scale", "examples", "tables", "pictures", "screenshots")
"""What is made, in this order."""


def run(*words: str | Path) -> str:
    """Run a module of this repository and return what it prints."""
    sys.stderr.write(f"python -m {' '.join(map(str, words))}\n")
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure_kodak(pictures: Path, captions: Path) -> None:
    """Evaluate the embedded model, and the classical codecs beside it."""
    settings = ("--strength", *STRENGTHS, "--entropy", *CODINGS, "--budgets", *BUDGETS)
    names = ("--captions", captions, "--dataset", "kodak", "--out", RESULTS)
    run("percov2_demo", "evaluate", pictures, *names, *settings)


def measure_scale() -> None:
    """Measure how the cost grows, on a machine that should be quiet."""
    SCALE.write_text(run("percov2_demo", "bench", "--scale", "--repeats", "3", "--json"), "utf-8")


def main() -> None:
    """Run the stages that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.regenerate", description=__doc__.partition("\n")[0])
    parser.add_argument("pictures", nargs="?", type=Path, metavar="KODAK_FOLDER", help="needed by the stage kodak")
    parser.add_argument("--captions", type=Path, metavar="FILE", help="needed by the stage kodak")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, help="default: all stages")
    options = parser.parse_args()
    if "kodak" in options.only and None in (options.pictures, options.captions):
        parser.error("the stage kodak needs KODAK_FOLDER and --captions")
    stages = {
        "kodak": lambda: measure_kodak(options.pictures.resolve(), options.captions.resolve()),
        "scale": measure_scale,
        "examples": lambda: run("tools.example_results"),
        "tables": lambda: run("tools.document_tables"),
        "pictures": lambda: run("tools.document_pictures"),
        "screenshots": lambda: run("tools.document_screenshots"),
    }
    for name in STAGES:
        if name in options.only:
            stages[name]()


if __name__ == "__main__":
    main()
