"""Starts PerCoV2 Explorer in the browser: `python app.py`, or `python -m percov2_demo serve`."""

import sys

from percov2_demo.__main__ import main


if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
