"""Files of given sizes: refined, without a base stream, and of the classical codecs at equal bytes.

Without a base stream is how DiffC (Vonderfecht and Liu, ICLR 2025) and DDCM (arXiv 2502.01189) code: the first
prediction is the painter's of pure noise, told nothing. The difference is what the base stream is worth.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path

from PIL import Image

from percov2_demo.errors import InputError
from percov2_demo.evaluation.baselines import Ladder, available_codecs
from percov2_demo.evaluation.charts import CLASSICAL, OURS, Curve
from percov2_demo.evaluation.protocol import Picture
from percov2_demo.evaluation.tables import RATES, Row, is_better, means_of, metric_digits
from percov2_demo.files.atomic import write_bytes
from percov2_demo.pipelines.codec import Codec
from percov2_demo.pipelines.target import AnyRate


REFINED, WITHOUT_BASE = "refined", "without base"

LABELS = {
    REFINED: "PerCoV2 Explorer, refined",
    WITHOUT_BASE: "the same painter without a base stream, as DiffC",
}


def measure_budgets(
    pipeline: Codec,
    picture: Picture,
    budgets: Sequence[int],
    codecs: Sequence[str],
    metrics: Callable[[Image.Image, Image.Image], Row],
    out: Path,
) -> list[Row]:
    """Return a row for each budget and way of spending it, unless that way has no file as small.

    Args:
        pipeline: The model.
        picture: The picture.
        budgets: Bytes of a file.
        codecs: Names of classical codecs.
        metrics: Compares the original with what came back.
        out: Folder of the evaluation; files go to its folders `streams` and `pictures`.
    """
    ours = AnyRate(pipeline, picture.load(), picture.caption, fit="native")
    ladders = {name: Ladder(ours.image, available_codecs()[name]) for name in codecs}
    rows = []
    for budget in budgets:
        spent: list[tuple[str, str, int, Image.Image]] = []
        try:
            stream, decoded = ours.code(budget)
        except InputError:
            pass
        else:
            data = stream.to_bytes()
            _write(out / "streams" / f"{REFINED}-{budget}", f"{picture.name}.pcv2", data)
            folder = out / "pictures" / f"{REFINED}-{budget}"
            folder.mkdir(parents=True, exist_ok=True)
            decoded.save(folder / f"{picture.name}.png", compress_level=1)
            spent.append((REFINED, stream.preset, len(data), decoded))
        size, decoded = ours.code_without_base(budget)
        spent.append((WITHOUT_BASE, "", size, decoded))
        for name, ladder in ladders.items():
            coded = ladder.at_most(budget)
            if coded.fits:
                spent.append((name, "", len(coded.data), coded.picture))
        for way, preset, size, decoded in spent:
            bpp = round(8 * size / (ours.image.width * ours.image.height), 6)
            row = {"image": picture.name, "budget": budget, "way": way, "preset": preset}
            rows.append(row | {"file_bytes": size, "file_bpp": bpp} | metrics(ours.image, decoded))
    return rows


def summarize_budgets(rows: Sequence[Row]) -> list[Row]:
    """Return the mean of each budget and way; beside others, on how many pictures refinement has the better value."""
    refined = {(row["image"], row["budget"]): row for row in rows if row["way"] == REFINED}
    summary = []
    for budget, way in sorted(dict.fromkeys((row["budget"], row["way"]) for row in rows), key=itemgetter(0)):
        members = [row for row in rows if (row["budget"], row["way"]) == (budget, way)]
        digits = {name: RATES[name] for name in ("file_bytes", "file_bpp")} | metric_digits(members[0])
        summary.append({"budget": budget, "way": way, "pictures": len(members)} | means_of(members, digits))
        for name in metric_digits(members[0]):
            pairs = [(refined.get((row["image"], budget)), row) for row in members]
            summary[-1][f"refined_better_{name}"] = sum(
                ours is not None and is_better(name, ours[name], theirs[name]) for ours, theirs in pairs
            )
    return summary


def budget_curves(points: Sequence[Row]) -> list[Curve]:
    """Return a curve over the budgets for each way of spending them."""
    labels = {name: codec.label for name, codec in available_codecs().items()} | LABELS
    curves = []
    for way in dict.fromkeys(point["way"] for point in points):
        members = [point for point in points if point["way"] == way]
        style = OURS if way in LABELS else CLASSICAL
        name = labels[way] if way in LABELS else f"{labels[way]}, at the budgets"
        curves.append(Curve(name, style, members, [f"{point['budget']} bytes" for point in members]))
    return curves


def _write(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / name, data)
