"""Which preset to refine at which size, measured over validation photos.

    python -m tools.measure_refinement PHOTOS.tar [--photos N] [--budgets BYTES ...]

Every preset of the embedded model is refined to every budget that its file fits into. PSNR and deep distance over the
budgets go to `assets/results/refinement/validation.csv`, and to `percov2_demo/pipelines/target.json` for each preset
the bits per pixel from which its mean PSNR is the best of all presets up to it.
"""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice, product
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image
from tqdm import tqdm

from percov2_demo import PerCoV2Pipeline
from percov2_demo.data.shards import read_shards
from percov2_demo.errors import InputError
from percov2_demo.files.csv_table import write_csv
from percov2_demo.metrics import Reference, psnr, to_tensor
from percov2_demo.pipelines.target import MEASURED, AnyRate
from percov2_demo.presets import NOMINAL_SIDE
from tools.document_tables import REFINEMENT


RESULTS = REFINEMENT / "validation.csv"

BUDGETS = (100, 200, 300, 400, 600, 800, 1100, 1500, 2000, 4000, 6000)

SHORTEST_SIDE = 448
"""Of photos that are measured: those that are enlarged further have no detail to send."""


def main() -> None:
    """Measure, and write what was measured."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("shard", type=Path)
    parser.add_argument("--photos", type=int, default=18)
    parser.add_argument("--budgets", type=int, nargs="+", default=BUDGETS, metavar="BYTES")
    options = parser.parse_args()
    pipeline = PerCoV2Pipeline.from_pretrained()
    pipeline.set_progress_bar_config(disable=True)
    pictures = validation_pictures(options.shard, options.photos)
    rows = measure(pipeline, pictures, options.budgets)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    write_csv(RESULTS, rows)
    curves = {name: {row["bytes"]: row["psnr"] for row in rows if row["preset"] == name} for name in pipeline.presets}
    bpp = {name: round(8 * size / NOMINAL_SIDE**2, 5) for name, size in thresholds(curves).items()}
    MEASURED.write_text(json.dumps({"photos": len(pictures), "bpp": bpp}, indent=2) + "\n")


def validation_pictures(shard: Path, count: int) -> list[Image.Image]:
    """Return the first photos of a shard that are large enough, RGB."""
    pictures = (Image.fromarray(photo.pixels()) for photo in read_shards([shard]))
    return list(islice((picture for picture in pictures if min(picture.size) >= SHORTEST_SIDE), count))


def measure(
    pipeline: PerCoV2Pipeline, pictures: Sequence[Image.Image], budgets: Sequence[int]
) -> list[dict[str, Any]]:
    """Return a row for each preset and budget that all pictures' files fit into: means over the pictures.

    Args:
        pipeline: The model.
        pictures: RGB, cropped and scaled to 512x512.
        budgets: Bytes.
    """
    measured: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for picture in tqdm(pictures, desc="refining"):
        ladder = AnyRate(pipeline, picture, fit="crop")
        reference = Reference(to_tensor(ladder.image))
        for name, budget in product(pipeline.presets, budgets):
            with suppress(InputError):
                painted = to_tensor(ladder.code(budget, name)[1])
                values = psnr(reference.original, painted), reference.deep_distance(painted)
                measured.setdefault((name, budget), []).append(values)
    rows = []
    for (name, budget), values in measured.items():
        if len(values) == len(pictures):
            similarity, distance = map(fmean, zip(*values, strict=True))
            rows.append(
                {"preset": name, "bytes": budget, "psnr": round(similarity, 3), "deep_distance": round(distance, 4)}
            )
    return rows


def thresholds(curves: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Return the bytes from which each preset is the best of those up to it; 0 where it is as soon as its file fits.

    Presets that never are the best are left out.

    Args:
        curves: PSNR in dB by preset, in rising rate, and bytes, rising.
    """
    chosen: dict[str, float] = {}
    best: dict[int, float] = {}
    for name, curve in curves.items():
        # Where a preset's file does not fit, it is no choice; above its threshold it stays one.
        wins = [budget for budget in sorted(curve) if curve[budget] >= best.get(budget, float("-inf"))]
        if wins:
            # Below the first size that all photos' files fit into, some photo's does, and it is as good a base there.
            chosen[name] = 0 if wins[0] == min(curve) else wins[0]
        for budget, value in curve.items():
            best[budget] = max(value, best.get(budget, value))
    return chosen


if __name__ == "__main__":
    main()
