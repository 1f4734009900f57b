"""Measure how many of a captioner's captions are about their photos."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from percov2_demo.captioning.captioner import Captioner
from percov2_demo.data.shards import Photo
from percov2_demo.files.atomic import write_text
from percov2_demo.files.csv_table import write_csv
from percov2_demo.training.measures.content_words import best_constant, content_overlap, shuffled_overlap


_AT_ONCE = 16


def validate(captioner: Captioner, photos: Sequence[Photo], candidates: Sequence[str], folder: Path) -> dict[str, Any]:
    """Caption photos, and measure how many of the captions are about them.

    Writes `captions.csv`, a row for each photo, and `validation.json`, the figures that are returned:
    `content_overlap` of the captions, the same of captions that look at nothing, once shuffled ones and once the one
    constant that would have been best, and how many captions are distinct.

    Args:
        captioner: The captioner.
        photos: Photos that it was not trained on, with their reference captions.
        candidates: Captions of which the best constant is chosen.
        folder: Where the files go.
    """
    captions = []
    for start in tqdm(range(0, len(photos), _AT_ONCE), desc="captioning", unit="batch", disable=None):
        batch = photos[start : start + _AT_ONCE]
        captions += captioner.caption([Image.fromarray(photo.pixels()) for photo in batch])
    references = [photo.captions for photo in photos]
    constant, constant_overlap = best_constant(candidates, references)
    figures = {
        "photos": len(photos),
        "content_overlap": content_overlap(captions, references),
        "shuffled_overlap": shuffled_overlap(captions, references),
        "constant": constant,
        "constant_overlap": constant_overlap,
        "distinct_captions": len(set(captions)),
    }
    rows = [
        {"reference": " / ".join(texts), "generated": caption}
        for texts, caption in zip(references, captions, strict=True)
    ]
    write_csv(folder / "captions.csv", rows)
    write_text(folder / "validation.json", json.dumps(figures, indent=2) + "\n")
    return figures
