"""The app, with visitors' files that live for seconds: `python -m tools.soak.app SECONDS`, and options of `app.py`."""

import sys

from percov2_demo.__main__ import main
from percov2_demo.ui.server import cleaning


if __name__ == "__main__":
    lifetime = float(sys.argv[1])
    cleaning.FILE_LIFETIME_SECONDS, cleaning.CLEANING_SECONDS = lifetime, lifetime / 10
    sys.exit(main(["serve", *sys.argv[2:]]))
