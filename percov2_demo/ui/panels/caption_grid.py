"""What captions made of one photo: pictures, maps of what changed, and what the words cost and bought."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from percov2_demo.sweeps import difference
from percov2_demo.ui.render.heat import colour_bar_html, heat_map
from percov2_demo.ui.render.plots import AXES
from percov2_demo.ui.server.files import file_url, png_bytes, save_download
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.templates import render


_BOUGHT = ("psnr", "deep_distance", "deep_realism", "agreement")
"""Metrics of the table, see `plots.AXES`."""


@dataclass(frozen=True)
class Cell:
    """A picture, and how far it is from the one without a caption.

    Attributes:
        run: The picture.
        change: Mean difference, of 255, to the picture without a caption and with the same settings.
        map: Where the browser finds the map of the difference; empty for the picture without a caption.
    """

    run: Run
    change: float = 0.0
    map: str = ""

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
            cells.append(Cell(run))
            continue
        distance = difference(_open(run), _open(plain))
        drawing = ""
        if run.caption:
            drawing = file_url(save_download(png_bytes(heat_map(distance, peak)), f"run-{run.number}-change.png"))
        cells.append(Cell(run, float(distance.mean()), drawing))
    return cells


def noise_floor(cells: Sequence[Cell]) -> str:
    """Say how much other seeds change the picture without a caption: mean, and spread where there are several."""
    changes = [cell.change for cell in cells[1:] if not cell.run.caption and cell.run.sampling.seed != _seed(cells)]
    if not changes:
        return ""
    spread = f" ± {np.std(changes):.1f}" if len(changes) > 1 else ""
    return f"{np.mean(changes):.1f}{spread}"


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
        floor=noise_floor(cells),
        bar=Markup(colour_bar_html(peak, "of 255 levels")),
    )


def _seed(cells: Sequence[Cell]) -> int:
    return cells[0].run.sampling.seed


def _open(run: Run) -> Image.Image:
    with Image.open(run.picture) as file:
        return file.convert("RGB")
