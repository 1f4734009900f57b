"""Measure the default strength of each preset on photos that were not trained on."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from PIL import Image
from tqdm import tqdm

from percov2_demo.data.shards import Photo
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
    rows = []
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
        rows += [(preset, strength, f"{mean[0]:.3f}", f"{mean[1]:.3f}") for strength, mean in means.items()]
        floor = means[0.0][0] - max_loss_db[preset]
        allowed = [strength for strength in candidates if means[strength][0] >= floor] or candidates[:1]
        chosen[preset] = min(allowed, key=lambda strength: means[strength][1])
    with (folder / "curve.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("preset", "strength", "psnr", "realism"), *rows])
    (folder / RESULT).write_text(json.dumps(chosen))


def read_strengths(folder: Path) -> dict[str, float] | None:
    """Read the chosen strengths; None if none were chosen."""
    path = folder / RESULT
    return json.loads(path.read_text()) if path.is_file() else None
