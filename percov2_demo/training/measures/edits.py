"""Measure whether a caption that names an edit changes what that edit changes in a photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from percov2_demo.files.csv_table import write_csv
from percov2_demo.metrics import colour_shift, to_tensor
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.sampling.settings import SCALES, painting_strength
from percov2_demo.training.data.edits import EDITS, Edit


Pixels = NDArray[np.floating]
"""RGB colours in [0, 255], `(H, W, 3)`."""


@dataclass(frozen=True)
class Figure:
    """What an edit must change in a picture.

    Args:
        name: What it is called.
        rises: Whether the edit makes it larger.
        measure: Colours to the figure.
    """

    name: str
    rises: bool
    measure: Callable[[Pixels], float]


def _luma(pixels: Pixels) -> Pixels:
    return pixels @ (0.299, 0.587, 0.114)


def _luminance(pixels: Pixels) -> float:
    return float(_luma(pixels).mean())


def _contrast(pixels: Pixels) -> float:
    return float(_luma(pixels).std())


def _chroma(pixels: Pixels) -> float:
    return float(np.ptp(pixels, axis=-1).mean())


def _warmth(pixels: Pixels) -> float:
    return float((pixels[..., 0] - pixels[..., 2]).mean())


FIGURES = {
    "black and white": Figure("chroma", False, _chroma),
    "night": Figure("luminance", False, _luminance),
    "sunset": Figure("red less blue", True, _warmth),
    "fog": Figure("contrast", False, _contrast),
    "snow": Figure("chroma", False, _chroma),
    "autumn": Figure("red less blue", True, _warmth),
}
"""The figure of each edit, by its name; all in levels of 255, means over the picture."""


def measure_edits(
    pipeline: PerCoV2Pipeline, pictures: Sequence[Image.Image], captions: Sequence[str], folder: Path
) -> None:
    """Write what captions that name edits do to pictures painted from the same indices, as `edits.csv`.

    A row tells of one of the model's painters, a preset and an edit, at `painting_strength` and with the usual
    guidance: on how many pictures its figure moved the right way from the plain caption's painting, by how much on
    average, by how much the edit itself moves it in the photos, and how far the plain caption's own colours are off
    (`colour_shift`). The finest preset leaves nothing to draw, and is left out where that is what a painter does.

    Args:
        pipeline: The model.
        pictures: RGB pictures whose sides are multiples of 64.
        captions: One for each.
        folder: Where the table goes.
    """
    wanted = {edit.name: fmean(_change_of(edit, np.asarray(picture)) for picture in pictures) for edit in EDITS}
    rows = []
    combinations = [
        (painter, preset)
        for painter in pipeline.painters.built_in
        for preset in pipeline.presets
        if painter != SCALES or preset != pipeline.presets[-1]
    ]
    for painter, preset in combinations:
        strength = painting_strength(pipeline.painters.find(painter).default_sigma(preset))
        changes: dict[str, list[float]] = {edit.name: [] for edit in EDITS}
        shifts = []
        for picture, caption in tqdm(
            list(zip(pictures, captions, strict=True)), desc=f"captions that edit, {painter}, {preset}", disable=None
        ):
            stream = pipeline.compress(picture, preset)
            plain = pipeline.decompress(stream, strength=strength, caption=caption, painter=painter)
            shifts.append(colour_shift(to_tensor(picture), to_tensor(plain)))
            before = np.asarray(plain, float)
            for edit in EDITS:
                named = edit.caption.format(caption)
                painted = pipeline.decompress(stream, strength=strength, caption=named, painter=painter)
                measure = FIGURES[edit.name].measure
                changes[edit.name].append(measure(np.asarray(painted, float)) - measure(before))
        for name, moved in changes.items():
            figure = FIGURES[name]
            rows.append(
                {
                    "painter": painter,
                    "preset": preset,
                    "edit": name,
                    "figure": figure.name,
                    "right_way": sum(change > 0 if figure.rises else change < 0 for change in moved),
                    "pictures": len(moved),
                    "change": round(fmean(moved), 2),
                    "change_of_the_edit": round(wanted[name], 2),
                    "colour_shift": round(fmean(shifts), 2),
                }
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "edits.csv", rows)


def _change_of(edit: Edit, photo: NDArray[np.uint8]) -> float:
    """Return by how much an edit itself moves its figure in a photo."""
    measure = FIGURES[edit.name].measure
    return measure(edit(photo, np.random.default_rng(0)).astype(float)) - measure(photo.astype(float))
