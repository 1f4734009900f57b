"""Measure the default strength of each preset on photos that were not trained on."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image
from tqdm import tqdm

from percov2_demo.data.shards import Photo
from percov2_demo.files.atomic import write_text
from percov2_demo.files.csv_table import write_csv
from percov2_demo.images import fit_image
from percov2_demo.metrics import Reference, to_tensor
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline


RESULT = "strength.json"

COLUMNS = ("psnr", "deep_distance", "deep_realism")
"""Metrics of the curve."""


def sweep_strengths(
    pipeline: PerCoV2Pipeline,
    photos: Sequence[Photo],
    candidates: Sequence[float],
    steps: int,
    tolerance: float,
    folder: Path,
) -> None:
    """Write the curve of the metrics over the strength, and the strength that is chosen from it.

    Chosen is, for each preset, the highest candidate whose deep distance and deep realism are both hardly worse than
    the best of any: the more is painted, the more a caption can say. Where no candidate is, the nearest one is chosen.

    Args:
        pipeline: The model.
        photos: Photos to measure on, cropped and scaled to 512x512.
        candidates: Strengths in [0, 1]; 0 is the hyper-decoder's own estimate.
        steps: Steps of the sampler; guidance is the model's own.
        tolerance: What part of the best deep distance a candidate's may be above it, and likewise of realism.
        folder: Where `curve.csv` and `strength.json` go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for preset in tqdm(pipeline.presets, desc="measuring strengths", disable=None):
        measured: dict[float, list[dict[str, Any]]] = {strength: [] for strength in candidates}
        for photo in photos:
            original = fit_image(Image.fromarray(photo.pixels()), "crop")
            reference = Reference(to_tensor(original))
            stream = pipeline.compress(original, preset, photo.captions[0])
            for strength, figures in measured.items():
                figures.append(reference.measure(to_tensor(pipeline.decompress(stream, steps, strength=strength))))
        means = {
            strength: {name: fmean(figure[name] for figure in figures) for name in COLUMNS}
            for strength, figures in measured.items()
        }
        rows += [
            {"preset": preset, "strength": strength} | {name: f"{mean[name]:.3f}" for name in COLUMNS}
            for strength, mean in means.items()
        ]
        chosen[preset] = _choose(means, tolerance)
    write_csv(folder / "curve.csv", rows)
    write_text(folder / RESULT, json.dumps(chosen))


def _choose(means: dict[float, dict[str, float]], tolerance: float) -> float:
    names = ("deep_distance", "deep_realism")
    limits = {name: (1 + tolerance) * min(mean[name] for mean in means.values()) for name in names}
    allowed = [strength for strength, mean in means.items() if all(mean[name] <= limits[name] for name in names)]
    return max(allowed) if allowed else min(means, key=lambda strength: means[strength]["deep_distance"])


def read_strengths(folder: Path) -> dict[str, float] | None:
    """Read the chosen strengths; None if none were chosen."""
    path = folder / RESULT
    return json.loads(path.read_text()) if path.is_file() else None
