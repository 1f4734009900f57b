"""Rows of single pictures to means, and to the results format of CompressAI."""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from percov2_demo.metrics import METRICS
from percov2_demo.presets import get_preset


Row = dict[str, Any]

POINT = ("preset", "steps", "guidance", "strength")
"""Columns that name a point of the summary; pictures and seeds are averaged."""

RATES = {"spatial_bytes": 1, "caption_bytes": 1, "file_bytes": 1, "payload_bpp": 5, "file_bpp": 5}
"""Columns of rates with the decimal places of their means."""

DIGITS = {
    "psnr": 2,
    "ms_ssim": 3,
    "lpips": 3,
    "deep_distance": 3,
    "deep_realism": 2,
    "colour_shift": 2,
    "clip_score": 2,
    "clip_similarity": 3,
}
"""Decimal places of the metrics' means."""

COMPRESSAI_NAMES = {"psnr": "psnr-rgb", "ms_ssim": "ms-ssim-rgb"}
"""What CompressAI's result files call our metrics, where it has a name for them."""


def summarize(rows: Sequence[Row]) -> list[Row]:
    """Average rates and metrics of each point, in the order in which the points appear."""
    points = {tuple(row[name] for name in POINT): None for row in rows}
    summary = []
    for point in points:
        members = [row for row in rows if tuple(row[name] for name in POINT) == point]
        means = means_of(members, RATES | metric_digits(rows[0]))
        count = len({row["image"] for row in members})
        summary.append(dict(zip(POINT, point, strict=True)) | {"pictures": count} | means)
    return summary


def summarize_baselines(compared: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Average the figures of each codec beside each preset, and count the pictures where ours is better.

    Args:
        compared: Rows of the classical codecs.
        rows: Our rows; of each picture and preset, the first is compared with.
    """
    ours: dict[tuple[str, str], Row] = {}
    for row in rows:
        ours.setdefault((row["image"], row["preset"]), row)
    pairs = {(row["preset"], row["codec"]): None for row in compared}
    summary = []
    for preset, codec in pairs:
        members = [row for row in compared if (row["preset"], row["codec"]) == (preset, codec)]
        digits = metric_digits(members[0])
        means = means_of(members, {"target_bytes": 1, "file_bytes": 1, "file_bpp": 5} | digits)
        matches = [(ours[row["image"], preset], row) for row in members]
        wins = {f"ours_better_{name}": sum(is_better(name, a[name], b[name]) for a, b in matches) for name in digits}
        needed = {
            name: round(fmean(values), 1) if None not in (values := [row[name] for row in members]) else None
            for name in members[0]
            if name.startswith("bytes_for_")
        }
        fits = {"pictures": len(members), "fits": sum(row["fits"] for row in members)}
        summary.append({"preset": preset, "codec": codec} | fits | means | wins | needed)
    return summary


def summarize_codings(codings: Sequence[Row]) -> list[Row]:
    """Average the figures of each coding of the indices at each preset.

    `index_bits` is the model's own cross-entropy; `saving` is that of the indices' bytes against packing them, in
    percent; `caption_bits_per_word` counts the caption's bytes and the words between its spaces.
    """
    pairs = {(row["preset"], row["entropy"]): None for row in codings}
    summary = []
    for preset, entropy in pairs:
        members = [row for row in codings if (row["preset"], row["entropy"]) == (preset, entropy)]
        digits = {"index_bits": 1, "spatial_bytes": 1, "caption_bytes": 1, "file_bytes": 1}
        means = means_of(members, digits | {"encode_seconds": 3, "decode_seconds": 3})
        packed = sum(get_preset(preset).index_bytes(row["width"], row["height"]) for row in members)
        words = sum(row["caption_words"] for row in members)
        ratios = {
            "saving": round(100 * (1 - sum(row["spatial_bytes"] for row in members) / packed), 1),
            "caption_bits_per_word": round(8 * sum(row["caption_bytes"] for row in members) / words, 2)
            if words
            else None,
        }
        summary.append({"preset": preset, "entropy": entropy, "pictures": len(members)} | means | ratios)
    return summary


def compressai_results(name: str, description: str, summary: Sequence[Row]) -> dict[str, Any]:
    """Build a curve in the format of CompressAI's `results/image/<dataset>/<codec>.json`; `bpp` is the whole file's.

    Of each preset the first point is taken: the others are of other settings.
    """
    curve = list({point["preset"]: point for point in reversed(summary)}.values())[::-1]
    metrics = {metric: COMPRESSAI_NAMES.get(metric, metric) for metric in metric_digits(summary[0])}
    columns = {"file_bpp": "bpp"} | metrics
    results = {column: [point[ours] for point in curve] for ours, column in columns.items()}
    return {"name": name, "description": description, "results": results}


def mean_metrics(rows: Sequence[Row]) -> Row:
    """Average the metrics of some rows, rounded."""
    return means_of(rows, metric_digits(rows[0]))


def mean_originals(ceiling: Sequence[Row]) -> Row:
    """Return the mean realism of the originals themselves."""
    realism = [row | {"deep_realism": row["original_realism"]} for row in ceiling]
    return means_of(realism, {"deep_realism": DIGITS["deep_realism"]})


def metric_digits(row: Row) -> dict[str, int]:
    """Return the decimal places of the metrics that a row has."""
    return {name: DIGITS[name] for name in METRICS if name in row}


def means_of(rows: Sequence[Row], digits: dict[str, int]) -> Row:
    """Average columns, rounded; None where no row has a value, or one is infinite."""
    values = {name: [row[name] for row in rows if row[name] is not None] for name in digits}
    means = {name: fmean(values[name]) if values[name] else None for name in digits}
    # The PSNR of equal pictures is infinite, which JSON cannot hold.
    return {
        name: None if mean is None or not math.isfinite(mean) else round(mean, digits[name])
        for name, mean in means.items()
    }


def is_better(name: str, ours: float | None, theirs: float | None) -> bool:
    """Tell whether the first of two values of a metric is known and better."""
    if ours is None or theirs is None:
        return False
    return ours > theirs if METRICS[name].better == "higher" else ours < theirs
