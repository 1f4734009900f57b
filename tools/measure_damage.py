"""What flipped bits do to refined files.

    python -m tools.measure_damage PHOTOS.tar [--photos N] [--bytes N] [--seeds N]

Each bit of a part of the file, its base or its blocks, flips with a probability, and the file is decoded. How many
copies are refused and the PSNR of the others go to `assets/results/refinement/damage.csv`.
"""

from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import product
from math import prod
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from percov2_demo import PerCoV2Pipeline
from percov2_demo.errors import PerCoError
from percov2_demo.files.csv_table import write_csv
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.pipelines.target import AnyRate
from percov2_demo.refinement import Allocation, split_blocks
from tools.document_tables import REFINEMENT
from tools.measure_refinement import validation_pictures


DAMAGE = REFINEMENT / "damage.csv"

RATES = (0.0, 1e-4, 1e-3, 1e-2)
"""Probabilities that a bit flips."""


def main() -> None:
    """Measure, and write what was measured."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("shard", type=Path)
    parser.add_argument("--photos", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=750)
    parser.add_argument("--seeds", type=int, default=15, help="damaged copies of a file at each rate")
    options = parser.parse_args()
    pipeline = PerCoV2Pipeline.from_pretrained()
    pipeline.set_progress_bar_config(disable=True)
    pictures = validation_pictures(options.shard, options.photos)
    write_csv(DAMAGE, measure_damage(pipeline, pictures, options.bytes, options.seeds))


def measure_damage(
    pipeline: PerCoV2Pipeline, pictures: Sequence[Image.Image], max_bytes: int, seeds: int
) -> list[dict[str, Any]]:
    """Return a row for each part of a file and rate of flips.

    Args:
        pipeline: The model.
        pictures: RGB, cropped and scaled to 512x512.
        max_bytes: Size of the files.
        seeds: Damaged copies of a file at each rate.
    """
    measured: dict[tuple[str, float], list[float | None]] = {}
    for picture in tqdm(pictures, desc="damaging"):
        coder = AnyRate(pipeline, picture, fit="crop")
        receiver = _Receiver(pipeline, to_tensor(coder.image))
        base_stream, atoms = coder.plan(max_bytes, pipeline.presets[0])
        # Refined also where that brings no gain: the damage is what is asked about.
        stream = pipeline.refine(base_stream, coder.image, atoms)
        data = stream.to_bytes()
        base, blocks = data[: -stream.part_sizes.refinement], data[-stream.part_sizes.refinement :]
        for rate, seed in product(RATES, range(seeds)):
            copies = {"blocks": base + flip_bits(blocks, rate, seed), "base": flip_bits(base, rate, seed) + blocks}
            for part, copy in copies.items():
                measured.setdefault((part, rate), []).append(receiver.quality(copy))
    rows = []
    for (part, rate), values in measured.items():
        decoded = [value for value in values if value is not None]
        row = {"part": part, "rate": rate, "photos": len(pictures), "bytes": max_bytes, "copies": len(values)}
        refused = len(values) - len(decoded)
        rows.append(row | {"refused": refused, "psnr": round(fmean(decoded), 2) if decoded else None})
    return rows


def flip_bits(data: bytes, rate: float, seed: int) -> bytes:
    """Return a copy of which each bit is flipped with a probability."""
    flips = np.random.default_rng(seed).random(8 * len(data)) < rate
    return (np.frombuffer(data, np.uint8) ^ np.packbits(flips)).tobytes()


class _Receiver:
    """Decodes copies of one file; those with the same sound blocks are one picture, decoded once."""

    def __init__(self, pipeline: PerCoV2Pipeline, original: Tensor):
        self._pipeline, self._original = pipeline, original
        self._known: dict[tuple[bytes, ...], float] = {}

    def quality(self, data: bytes) -> float | None:
        """Return the PSNR in dB of a file's picture; None if it is refused."""
        try:
            stream = self._pipeline.read(data)
            if stream.refinement is None:
                return psnr(self._original, to_tensor(self._pipeline.decompress(stream)))
            allocation = Allocation(prod(self._pipeline.latent_shape(stream)), stream.refinement.atoms)
            sound = (stream.indices.tobytes(), *split_blocks(stream.refinement.data, allocation))
            if sound not in self._known:
                self._known[sound] = psnr(self._original, to_tensor(self._pipeline.decompress(stream)))
        except PerCoError:
            return None
        return self._known[sound]


if __name__ == "__main__":
    main()
