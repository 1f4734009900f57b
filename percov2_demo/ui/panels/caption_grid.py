"""What captions made of one photo: pictures, maps of what changed, and what the words cost and bought."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from markupsafe import Markup
from PIL import Image

from percov2_demo.sweeps import difference
from percov2_demo.ui.render.heat import SCALE, colour_bar_html, heat_map
from percov2_demo.ui.render.plots import AXES
from percov2_demo.ui.server.files import file_url, png_bytes, save_download
from percov2_demo.ui.session.archive import Supplement, archive_bytes
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.templates import render


_BOUGHT = ("psnr", "deep_distance", "deep_realism", "agreement")
"""Metrics of the table, see `plots.AXES`."""


@dataclass(frozen=True)
class Cell:
    """A picture, and how far it is from the one without a caption.

    Attributes:
        run: The picture.
        plain: The picture without a caption and with the same settings.
        change: Mean difference, of 255, between the two.
        drawing: Path of the map of the difference; empty for a picture without a caption.
        peak: The difference, of 255, that the map shows lightest.
    """

    run: Run
    plain: Run
    change: float = 0.0
    drawing: str = ""
    peak: float = 0.0

    @property
    def map(self) -> str:
        """Where the browser finds the map; empty without."""
        return file_url(self.drawing) if self.drawing else ""

    @property
    def picture(self) -> str:
        """Where the browser finds the picture."""
        return file_url(self.run.picture)

    @property
    def caption_bytes(self) -> int:
        """What the words cost."""
        return self.run.rates.caption_bytes

    @property
    def bought(self) -> list[str]:
        """The metrics of the table."""
        values = (self.run.metrics.get(name) for name in _BOUGHT)
        return ["" if value is None else f"{value:.2f}" for value in values]


def measure_cells(runs: Sequence[Run], peak: float, known: Sequence[Cell] = ()) -> list[Cell]:
    """Measure each run against the first of its settings without a caption.

    Args:
        runs: The lab's runs, each strength's picture without a caption before all others of it.
        peak: The difference, of 255, that a map shows lightest.
        known: Cells of the first runs that were measured before with this peak.
    """
    cells = list(known)
    for run in runs[len(known) :]:
        plain = next((each for each in runs if each.sampling.strength == run.sampling.strength), run)
        if plain is run:
            cells.append(Cell(run, plain))
            continue
        distance = difference(_open(run), _open(plain))
        drawing = ""
        if run.caption:
            drawing = save_download(png_bytes(heat_map(distance, peak)), f"run-{run.number}-change.png")
        cells.append(Cell(run, plain, float(distance.mean()), drawing, peak))
    return cells


@dataclass(frozen=True)
class NoiseFloor:
    """How much other seeds change the picture without a caption.

    Attributes:
        mean: Mean of their `Cell.change`.
        deviation: Its standard deviation over the seeds, of a sample; None for one seed.
        seeds: How many there are.
    """

    mean: float
    deviation: float | None
    seeds: int

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "NoiseFloor | None":
        """Measure it over those cells that differ from the first in their seed alone; None without."""
        changes = [cell.change for cell in cells if not cell.run.caption and cell.run.sampling.seed != _seed(cells)]
        return cls(mean(changes), stdev(changes) if len(changes) > 1 else None, len(changes)) if changes else None

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.1f}"
        return f"{self.mean:.1f}{spread}"


def grid_html(cells: Sequence[Cell], peak: float) -> str:
    """Lay the cells out: a row for each strength and guidance, and a table of what the words cost and bought.

    Args:
        cells: What is painted so far.
        peak: The difference, of 255, that the maps show lightest.
    """
    shown = [cell for cell in cells if cell.run.sampling.seed == _seed(cells)]
    rows: dict[str, list[Cell]] = {}
    for cell in shown:
        sampling = cell.run.sampling
        guidance = f", guidance {sampling.guidance:g}" if cell.run.caption else ""
        title = f"Strength {sampling.strength:g}{guidance}"
        if not cell.run.caption:
            plain = cell
        rows.setdefault(title, [] if not cell.run.caption else [plain]).append(cell)
    with_words = {title: members for title, members in rows.items() if len(members) > 1}
    return render(
        "panels/caption_grid.html",
        rows=list((with_words or rows).items()),
        table=next(iter((with_words or rows).values()), []),
        metrics=[AXES[name] for name in _BOUGHT],
        floor=NoiseFloor.of(cells),
        bar=Markup(colour_bar_html(peak, "of 255 levels")),
    )


def archive_cells(cells: Sequence[Cell], drawing: str = "") -> bytes:
    """Write the runs into a ZIP file with what the words changed and what noise changes, see `archive_bytes`."""
    floor = NoiseFloor.of(cells)
    return archive_bytes(
        [cell.run for cell in cells], drawing, {cell.run.number: _supplement(cell, cells[0], floor) for cell in cells}
    )


def _supplement(cell: Cell, first: Cell, floor: NoiseFloor | None) -> Supplement:
    if cell.run is cell.plain:
        return Supplement()
    columns: dict[str, Any] = {"compared_with": cell.plain.number, "change": cell.change}
    if floor is not None and cell.plain is first.run:  # Other strengths have another floor, which was not measured.
        columns |= {
            "noise_floor_mean": floor.mean,
            "noise_floor_deviation": floor.deviation,
            "noise_floor_seeds": floor.seeds,
        }
    drawn = {
        "compared_with": cell.plain.number,
        "quantity": "root mean square difference over R, G and B, in levels of 255",
        "scale": "linear from 0, black; what is above the maximum has its colour",
        "colours": SCALE,
        "maximum": cell.peak,
    }
    return Supplement(columns, {"map": drawn} if cell.drawing else {}, cell.drawing)


def _seed(cells: Sequence[Cell]) -> int:
    return cells[0].run.sampling.seed


def _open(run: Run) -> Image.Image:
    with Image.open(run.picture) as file:
        return file.convert("RGB")
