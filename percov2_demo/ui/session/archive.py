"""Pack runs with everything that belongs to them into one ZIP file, for a paper, a talk or another program."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.ui.server.files import kept_file
from percov2_demo.ui.session.export import json_file
from percov2_demo.ui.session.run import Run


MAX_DRAWING = 4_000_000
"""Characters of a plot; the browser draws it, so that it may be anything."""

_CONTENTS = {
    "runs.csv": "a line for each run: photo, size, coding, fit, settings, bytes, metrics, model, the stream as text",
    "settings/": "each run as JSON",
    "streams/": "each run's file; `percov2 decompress FILE.pcv2 PICTURE.png` paints it",
    "pictures/": "what was painted from it",
    "maps/": "where it differs from another picture; the run's settings say from which, and on what scale",
    "originals/": "the photos as they were coded",
    "plot.svg": "the plot as it was on the page",
}
"""What the parts of an archive are."""


@dataclass(frozen=True)
class Supplement:
    """What an archive has of a run that the run itself does not know.

    Attributes:
        columns: Its further values in the table, by name.
        settings: Its further settings, by name, as JSON holds them.
        map: Path of a PNG file; empty for none.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    map: str = ""


def archive_bytes(
    runs: Sequence[Run], drawing: str = "", supplements: Mapping[int, Supplement] | None = None
) -> bytes:
    """Write runs into a ZIP file: originals, pictures, `.pcv2` files, settings, a table, and their plot.

    Args:
        runs: The runs, oldest first.
        drawing: The plot as SVG; what is none is left out.
        supplements: What there is besides, by the number of the run.
    """
    supplied = [(run, (supplements or {}).get(run.number, Supplement())) for run in runs]
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("runs.csv", csv_bytes([run.to_row() | dict(more.columns) for run, more in supplied]))
        if len(drawing) <= MAX_DRAWING and drawing.lstrip().startswith("<svg"):
            archive.writestr("plot.svg", drawing)
        for name, path in _originals(runs):
            archive.write(path, f"originals/{name}.png", ZIP_STORED)
        for run, more in supplied:
            name = f"run-{run.number:03}-{run.preset}"
            archive.writestr(f"settings/{name}.json", json_file(run.to_dict() | dict(more.settings)))
            archive.writestr(f"streams/{name}.pcv2", run.stream)
            for folder, path in (("pictures", run.picture), ("maps", more.map)):
                if path and kept_file(path):
                    archive.write(path, f"{folder}/{name}.png", ZIP_STORED)
        archive.writestr("README.txt", _readme(archive.namelist()))
    return buffer.getvalue()


def _readme(names: Sequence[str]) -> str:
    lines = [f"{part:<18}{text}\n" for part, text in _CONTENTS.items() if any(name.startswith(part) for name in names)]
    return "".join(lines) + "Pictures are missing where their run is older than an hour.\n"


def _originals(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Yield each photo once, with the number of its first run in its name: photos may be called the same."""
    first = {run.photo: run for run in reversed(runs) if run.photo and kept_file(run.photo)}
    for path, run in first.items():
        yield f"{run.name}-of-run-{run.number:03}", path
