"""Measure whether a caption that names an edit changes what that edit changes in a photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from percov2_demo.bitstream import Bitstream
from percov2_demo.files.csv_table import write_csv
from percov2_demo.metrics import Reference, to_tensor
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.sampling.settings import SCALES, Sampling, painting_strength
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
    pipeline: PerCoV2Pipeline,
    pictures: Sequence[Image.Image],
    captions: Sequence[str],
    guidances: Sequence[float],
    folder: Path,
) -> None:
    """Write what captions that name edits do to pictures painted from the same indices, as `edits.csv`.

    A row tells of one of the model's painters, a preset, a guidance scale and an edit, at `painting_strength`: on how
    many pictures its figure moved the right way from the plain caption's painting, by how much on average, by how much
    the edit itself moves it in the photos, and how far the plain caption's own painting is off (`colour_shift`,
    `deep_distance`). The finest preset leaves nothing to draw, and is left out where that is what a painter does.

    Args:
        pipeline: The model.
        pictures: RGB pictures whose sides are multiples of 64, and at least `DEEP_MIN_SIDE`.
        captions: One for each.
        guidances: Guidance scales; a painter's usual one is measured besides.
        folder: Where the table goes.
    """
    wanted = {edit.name: fmean(_change_of(edit, np.asarray(picture)) for picture in pictures) for edit in EDITS}
    rows = []
    combinations = [
        (pipeline.painters.find(name).settle(preset), preset)
        for name in pipeline.painters.built_in
        for preset in pipeline.presets
        if name != SCALES or preset != pipeline.presets[-1]
    ]
    for usual, preset in combinations:
        streams = [pipeline.compress(picture, preset) for picture in pictures]
        strength = painting_strength(usual.strength or 0.0)
        for guidance in sorted({usual.guidance, *guidances}):
            sampling = replace(usual, strength=strength, guidance=guidance)
            plain, changes = _changes(pipeline, streams, pictures, captions, sampling)
            for name, moved in changes.items():
                figure = FIGURES[name]
                rows.append(
                    {
                        "painter": usual.painter,
                        "preset": preset,
                        "guidance": guidance,
                        "edit": name,
                        "figure": figure.name,
                        "right_way": sum(change > 0 if figure.rises else change < 0 for change in moved),
                        "pictures": len(moved),
                        "change": round(fmean(moved), 2),
                        "change_of_the_edit": round(wanted[name], 2),
                    }
                    | plain
                )
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "edits.csv", rows)


def _changes(
    pipeline: PerCoV2Pipeline,
    streams: Sequence[Bitstream],
    pictures: Sequence[Image.Image],
    captions: Sequence[str],
    sampling: Sampling,
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return means of how far plain paintings are off, and how each edit's figure moved from them, by its name."""
    off: list[dict[str, float | None]] = []
    changes: dict[str, list[float]] = {edit.name: [] for edit in EDITS}
    title = f"captions that edit, {sampling.painter}, {streams[0].preset}, guidance {sampling.guidance:g}"
    for stream, picture, caption in tqdm(
        list(zip(streams, pictures, captions, strict=True)), desc=title, disable=None
    ):

        def paint(text: str, stream: Bitstream = stream) -> Image.Image:
            return pipeline.decompress(
                stream,
                guidance_scale=sampling.guidance,
                strength=sampling.strength,
                caption=text,
                painter=sampling.painter,
            )

        plain = paint(caption)
        off.append(Reference(to_tensor(picture)).measure(to_tensor(plain)))
        before = np.asarray(plain, float)
        for edit in EDITS:
            measure = FIGURES[edit.name].measure
            painted = paint(edit.caption.format(caption))
            changes[edit.name].append(measure(np.asarray(painted, float)) - measure(before))
    names = ("colour_shift", "deep_distance")
    known = {name: [value for figures in off if (value := figures[name]) is not None] for name in names}
    return {name: round(fmean(values), 3) for name, values in known.items()}, changes


def _change_of(edit: Edit, photo: NDArray[np.uint8]) -> float:
    """Return by how much an edit itself moves its figure in a photo."""
    measure = FIGURES[edit.name].measure
    return measure(edit(photo, np.random.default_rng(0)).astype(float)) - measure(photo.astype(float))
