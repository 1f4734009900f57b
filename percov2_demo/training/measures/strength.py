"""Measure the default strength of each preset on photos that were not trained on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image
from tqdm import tqdm

from percov2_demo.data.shards import Photo
from percov2_demo.files.atomic import write_text
from percov2_demo.files.csv_table import write_csv
from percov2_demo.images import fit_image
from percov2_demo.metrics import patch_realism, psnr, to_tensor
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline


RESULT = "strength.json"


def sweep_strengths(
    pipeline: PerCoV2Pipeline,
    photos: Sequence[Photo],
    candidates: Sequence[float],
    steps: int,
    max_loss_db: Mapping[str, float],
    folder: Path,
) -> None:
    """Write the curve of PSNR and realism over the strength, and the strength that is chosen from it.

    Chosen is, for each preset, the candidate of the best realism among those whose mean PSNR is at most `max_loss_db`
    below that of the hyper-decoder's own estimate. The limits are set by eye: the metric of patches does not mind the
    mosaic that plain areas turn to.

    Args:
        pipeline: The model.
        photos: Photos to measure on, cropped and scaled to 512x512.
        candidates: Strengths in (0, 1], rising.
        steps: Steps of the sampler; guidance is 3.
        max_loss_db: Largest loss of PSNR of each preset in dB; where every candidate loses more, the first is chosen.
        folder: Where `curve.csv` and `strength.json` go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for preset in tqdm(pipeline.presets, desc="measuring strengths", disable=None):
        measured: dict[float, list[tuple[float, float]]] = {}
        for photo in photos:
            original = fit_image(Image.fromarray(photo.pixels()), "crop")
            stream = pipeline.compress(original, preset, photo.captions[0])
            for strength in (0.0, *candidates):
                picture = pipeline.decompress(stream, steps, strength=strength)
                first, second = to_tensor(original), to_tensor(picture)
                measured.setdefault(strength, []).append((psnr(first, second), patch_realism(first, second)))
        means = {strength: tuple(map(fmean, zip(*pairs, strict=True))) for strength, pairs in measured.items()}
        rows += [
            {"preset": preset, "strength": strength, "psnr": f"{mean[0]:.3f}", "realism": f"{mean[1]:.3f}"}
            for strength, mean in means.items()
        ]
        floor = means[0.0][0] - max_loss_db[preset]
        allowed = [strength for strength in candidates if means[strength][0] >= floor] or candidates[:1]
        chosen[preset] = min(allowed, key=lambda strength: means[strength][1])
    write_csv(folder / "curve.csv", rows)
    write_text(folder / RESULT, json.dumps(chosen))


def read_strengths(folder: Path) -> dict[str, float] | None:
    """Read the chosen strengths; None if none were chosen."""
    path = folder / RESULT
    return json.loads(path.read_text()) if path.is_file() else None
