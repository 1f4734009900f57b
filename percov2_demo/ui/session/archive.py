"""Pack runs with everything that belongs to them into one ZIP file, for a paper, a talk or another program."""

import io
from collections.abc import Iterator, Sequence
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.ui.server.files import kept_file
from percov2_demo.ui.session.run import Run


MAX_DRAWING = 4_000_000
"""Characters of a plot; the browser draws it, so that it may be anything."""

_CONTENTS = """\
runs.csv          a line for each run: photo, size, coding, fit, settings, bytes, metrics, model, the stream as text
settings/         each run as JSON
streams/          each run's file; `percov2 decompress FILE.pcv2 PICTURE.png` paints it
pictures/         what was painted from it
originals/        the photos as they were coded
plot.svg          the plot as it was on the page
Pictures are missing where their run is older than an hour.
"""


def archive_bytes(runs: Sequence[Run], drawing: str = "") -> bytes:
    """Write runs into a ZIP file: originals, pictures, `.pcv2` files, settings, a table, and their plot.

    Args:
        runs: The runs, oldest first.
        drawing: The plot as SVG; what is none is left out.
    """
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _CONTENTS)
        archive.writestr("runs.csv", csv_bytes([run.to_row() for run in runs]))
        if len(drawing) <= MAX_DRAWING and drawing.lstrip().startswith("<svg"):
            archive.writestr("plot.svg", drawing)
        for name, path in _originals(runs):
            archive.write(path, f"originals/{name}.png", ZIP_STORED)
        for run in runs:
            name = f"run-{run.number:03}-{run.preset}"
            archive.writestr(f"settings/{name}.json", run.to_json())
            archive.writestr(f"streams/{name}.pcv2", run.stream)
            if kept_file(run.picture):
                archive.write(run.picture, f"pictures/{name}.png", ZIP_STORED)
    return buffer.getvalue()


def _originals(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Yield each photo once, with the number of its first run in its name: photos may be called the same."""
    first = {run.photo: run for run in reversed(runs) if run.photo and kept_file(run.photo)}
    for path, run in first.items():
        yield f"{run.name}-of-run-{run.number:03}", path
