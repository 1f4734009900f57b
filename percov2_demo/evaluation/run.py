"""A whole evaluation: every picture of a folder through the codec, on as many processes as accelerate started."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from PIL import Image
from tqdm import tqdm

from percov2_demo.errors import ImageError, InputError
from percov2_demo.evaluation.baselines import available_codecs
from percov2_demo.evaluation.contact_sheet import contact_sheet
from percov2_demo.evaluation.learned import load_learned, measure_set_realism, measure_sets, open_tensor
from percov2_demo.evaluation.measure import Evaluator
from percov2_demo.evaluation.parts import Parts
from percov2_demo.evaluation.protocol import Picture, Protocol, sampling_columns
from percov2_demo.evaluation.refined import REFINED, measure_budgets, summarize_budgets
from percov2_demo.evaluation.report import write_report
from percov2_demo.evaluation.tables import (
    POINT,
    Row,
    compressai_results,
    mean_metrics,
    mean_originals,
    summarize,
    summarize_baselines,
    summarize_codings,
)
from percov2_demo.files.atomic import atomic_path, write_text
from percov2_demo.files.csv_table import write_csv
from percov2_demo.metrics import Reference, to_tensor
from percov2_demo.sampling.settings import Sampling


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec


LONGEST_WAIT = timedelta(days=2)
"""How long a process waits for the others, whose pictures may take longer."""

SHEET_ROWS = 24
"""Pictures on the contact sheet."""


def join_processes(device: str) -> str:
    """Make this process one of those that accelerate started, if any; return its own device of that kind."""
    state = PartialState(cpu=not device.startswith("cuda"), timeout=LONGEST_WAIT)
    return str(state.device) if state.num_processes > 1 and device == "cuda" else device


def evaluate(pipeline: "Codec", pictures: list[Picture], protocol: Protocol, out: Path) -> dict[str, Any] | None:
    """Compress and decompress pictures with every combination of a protocol's settings, through real files.

    Writes to `out`:

        images.csv               a row for each picture and combination
        summary.csv              their means over pictures and seeds, and the realism of each combination as a set
        summary.json             the same as a curve in CompressAI's results format, with the settings
        baselines/images.csv     a row for each picture, preset and classical codec
        baselines/summary.csv    their means, and how often ours is better
        baselines/<codec>.json   the codec's curve at our sizes in CompressAI's format
        autoencoder.csv          a row for each picture: what the autoencoder alone makes of it, the ceiling; and the
                                 original's own realism
        codings.csv              means of each coding of the indices, if several: ideal bits, bytes, seconds
        refined.csv              a row for each picture, size and way of filling it, see `refined`, where asked for
        refined-summary.csv      their means
        sets.csv                 FID and KID of each combination, where asked for
        timings.csv              seconds
        report.html              charts and tables; holds the contact sheet
        contact-sheet.png        originals beside what came back
        streams, pictures        the files

    An evaluation that was stopped goes on where it was when it is started again with the same settings. Under
    `accelerate launch` the pictures are shared among the processes; all must see the same `out`.

    Args:
        pipeline: The model.
        pictures: The pictures.
        protocol: What is measured on each.
        out: Folder for the results.

    Raises:
        MetricError: The weights of a learned metric are neither here nor reachable.
        InputError: None of the pictures can be read.

    Returns:
        The contents of `summary.json`, in which `unreadable` names files that were left out, with the reason; None in
        all processes but the first.
    """
    state = PartialState()
    evaluator = Evaluator(pipeline, protocol, out, load_learned(protocol.learned, str(pipeline.device)))
    parts = Parts(out / "unfinished")
    share = pictures[state.process_index :: state.num_processes]
    for picture in tqdm(share, unit="picture", disable=None if state.is_local_main_process else True):
        with suppress(ImageError):
            _measure(evaluator, parts, picture)
    state.wait_for_everyone()
    summary = None
    if state.is_main_process:
        # All parts are there now; this reads them in the order of the pictures.
        measured, unreadable = _collect(evaluator, parts, pictures)
        summary = _assemble(evaluator, measured, unreadable)
        parts.clear()
    state.wait_for_everyone()
    return summary


def _collect(
    evaluator: Evaluator, parts: Parts, pictures: list[Picture]
) -> tuple[dict[Picture, dict[str, list[Row]]], dict[str, str]]:
    """Return what was measured on each picture, and the files that cannot be read, with the reason."""
    measured, unreadable = {}, {}
    for picture in pictures:
        try:
            measured[picture] = _measure(evaluator, parts, picture)
        except ImageError as error:
            unreadable[picture.path.name] = str(error)
    for name, reason in unreadable.items():
        tqdm.write(f"{name}: {reason}", file=sys.stderr)
    if not measured:
        raise InputError("none of the pictures can be read: nothing was measured")
    return measured, unreadable


def _measure(evaluator: Evaluator, parts: Parts, picture: Picture) -> dict[str, list[Row]]:
    """Measure the rows of a picture by table, unless they are there."""
    conditions = {
        "model": [evaluator.pipeline.identity, evaluator.pipeline.entropy_identity],
        "protocol": asdict(evaluator.protocol),
        "caption": picture.caption,
        "file": picture.digest(),
    }
    measured: dict[str, list[Row]] = {"rows": [], "codings": [], "times": [], "compared": []}
    measured |= parts.get(f"autoencoder/{picture.name}", conditions, partial(evaluator.measure_autoencoder, picture))
    for preset in evaluator.protocol.presets:
        make = partial(evaluator.measure_preset, picture, preset)
        for name, rows in parts.get(f"{preset}/{picture.name}", conditions, make).items():
            measured[name] += rows
    for codec in evaluator.protocol.baselines:
        make = partial(evaluator.compare, picture, codec, measured["rows"])
        measured["compared"] += parts.get(f"{codec}/{picture.name}", conditions, make)["compared"]
    if evaluator.protocol.budgets:
        make = partial(_measure_budgets, evaluator, picture)
        measured |= parts.get(f"{REFINED}/{picture.name}", conditions, make)
    return measured


def _measure_budgets(evaluator: Evaluator, picture: Picture) -> dict[str, list[Row]]:
    def metrics(original: Image.Image, decoded: Image.Image) -> Row:
        return evaluator.metrics(Reference(to_tensor(original)), decoded, picture.caption)

    protocol = evaluator.protocol
    rows = measure_budgets(evaluator.pipeline, picture, protocol.budgets, protocol.baselines, metrics, evaluator.out)
    return {"refined": rows}


def _assemble(
    evaluator: Evaluator, measured: dict[Picture, dict[str, list[Row]]], unreadable: dict[str, str]
) -> dict[str, Any]:
    pipeline, protocol, out, pictures = evaluator.pipeline, evaluator.protocol, evaluator.out, list(measured)
    names = ("rows", "codings", "times", "compared", "ceiling")
    rows, codings, times, compared, ceiling = (
        [row for tables in measured.values() for row in tables[name]] for name in names
    )
    points = _with_set_realism(evaluator, pictures, summarize(rows))
    write_csv(out / "images.csv", rows)
    write_csv(out / "summary.csv", points)
    if "fid" in protocol.learned:
        write_csv(out / "sets.csv", _set_rows(evaluator, pictures))
    write_csv(out / "timings.csv", times)
    write_csv(out / "autoencoder.csv", ceiling)
    coded_points = summarize_codings(codings)
    if codings:
        write_csv(out / "codings.csv", coded_points)

    sizes = sorted({f"{row['width']}x{row['height']}" for row in rows})
    painter = pipeline.painters.find(protocol.samplings[0].painter)
    strengths = {preset: painter.default_sigma(preset) for preset in protocol.presets}
    settings: dict[str, Any] = {"model": pipeline.identity, "entropy_models": pipeline.entropy_identity}
    settings |= {"pictures": len(pictures), "sizes": sizes}
    settings |= asdict(protocol) | {"default_strength": strengths}
    description = f"{pipeline.description} {protocol.dataset}, {', '.join(sizes)}, fit {protocol.fit}."
    summary = compressai_results("PerCoV2 Explorer", description.strip(), points) | {
        "points": points,
        "autoencoder": mean_metrics(ceiling),
        "originals": mean_originals(ceiling) | measure_set_realism(to_tensor(p.load()) for p in pictures),
        "settings": settings,
        "unreadable": unreadable,
    }
    _write_json(out / "summary.json", summary)

    compared_points = summarize_baselines(compared, rows)
    labels = {name: codec.label for name, codec in available_codecs().items()}
    if compared:
        folder = out / "baselines"
        folder.mkdir(exist_ok=True)
        write_csv(folder / "images.csv", compared)
        write_csv(folder / "summary.csv", compared_points)
        for codec in protocol.baselines:
            curve = [point for point in compared_points if point["codec"] == codec]
            text = "The largest file within the bytes of ours, or the codec's smallest file."
            _write_json(folder / f"{codec}.json", compressai_results(labels[codec], text, curve))

    refined = [row for tables in measured.values() for row in tables.get("refined", [])]
    refined_points = summarize_budgets(refined)
    if refined:
        write_csv(out / "refined.csv", refined)
        write_csv(out / "refined-summary.csv", refined_points)

    sheet = _contact_sheet(evaluator, pictures)
    with atomic_path(out / "contact-sheet.png") as path:
        sheet.save(path, "PNG")
    write_report(out / "report.html", summary, compared_points, labels, coded_points, refined_points, sheet)
    return summary


def _with_set_realism(evaluator: Evaluator, pictures: list[Picture], points: list[Row]) -> list[Row]:
    """Add `set_realism` to the points, of the pictures of all seeds."""
    paths: dict[tuple[Any, ...], list[Path]] = {}
    for preset, sampling in _combinations(evaluator):
        settings = {"preset": preset} | sampling_columns(sampling)
        decoded = [evaluator.picture_path(picture, preset, sampling) for picture in pictures]
        paths.setdefault(tuple(settings[name] for name in POINT), []).extend(decoded)
    return [
        point | measure_set_realism(map(open_tensor, paths[tuple(point[name] for name in POINT)])) for point in points
    ]


def _set_rows(evaluator: Evaluator, pictures: list[Picture]) -> list[Row]:
    rows = []
    for preset, sampling in _combinations(evaluator):
        decoded = [evaluator.picture_path(picture, preset, sampling) for picture in pictures]
        with_clip = "clip" in evaluator.protocol.learned
        distances = measure_sets(pictures, decoded, with_clip, str(evaluator.pipeline.device))
        rows.append({"preset": preset} | sampling_columns(sampling) | distances)
    return rows


def _combinations(evaluator: Evaluator) -> Iterator[tuple[str, Sampling]]:
    """List all presets with what is painted of each."""
    return ((preset, sampling) for preset in evaluator.protocol.presets for sampling in evaluator.samplings(preset))


def _contact_sheet(evaluator: Evaluator, pictures: list[Picture]) -> Image.Image:
    """Draw originals, our pictures of the first sampling, and the classical codecs' at the highest rate."""
    presets = evaluator.protocol.presets
    codecs = [available_codecs()[name] for name in evaluator.protocol.baselines]
    rows = []
    for picture in pictures[:SHEET_ROWS]:
        row = [picture.load()]
        row += [
            Image.open(evaluator.picture_path(picture, preset, evaluator.samplings(preset)[0])) for preset in presets
        ]
        row += [codec.decode(evaluator.coded_path(picture, presets[-1], codec.name).read_bytes()) for codec in codecs]
        rows.append(row)
    return contact_sheet(
        ["original", *presets, *(f"{codec.label}, {presets[-1]} or smallest" for codec in codecs)], rows
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
