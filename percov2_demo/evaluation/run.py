"""A whole evaluation: every picture of a folder through the codec, on as many processes as accelerate started."""

import hashlib
import json
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from PIL import Image
from tqdm import tqdm

from percov2_demo.evaluation.baselines import available_codecs
from percov2_demo.evaluation.contact_sheet import contact_sheet
from percov2_demo.evaluation.learned import load_learned, measure_sets
from percov2_demo.evaluation.measure import Evaluator
from percov2_demo.evaluation.parts import Parts
from percov2_demo.evaluation.protocol import Picture, Protocol
from percov2_demo.evaluation.refined import REFINED, measure_budgets, summarize_budgets
from percov2_demo.evaluation.report import write_report
from percov2_demo.evaluation.tables import (
    Row,
    compressai_results,
    mean_metrics,
    summarize,
    summarize_baselines,
    summarize_codings,
    write_csv,
)
from percov2_demo.metrics import to_tensor


if TYPE_CHECKING:
    from percov2_demo.pipelines.base import CodecPipeline


LONGEST_WAIT = timedelta(days=2)
"""How long a process waits for the others, whose pictures may take longer."""

SHEET_ROWS = 24
"""Pictures on the contact sheet."""


def join_processes(device: str) -> str:
    """Makes this process one of those that accelerate started, if any; returns its own device of that kind."""
    state = PartialState(cpu=not device.startswith("cuda"), timeout=LONGEST_WAIT)
    return str(state.device) if state.num_processes > 1 and device == "cuda" else device


def evaluate(
    pipeline: "CodecPipeline", pictures: list[Picture], protocol: Protocol, out: Path
) -> dict[str, Any] | None:
    """Compresses and decompresses pictures with every combination of a protocol's settings, through real files.

    Writes to `out`:

        images.csv               a row for each picture and combination
        summary.csv              their means over pictures and seeds
        summary.json             the same as a curve in CompressAI's results format, with the settings
        baselines/images.csv     a row for each picture, preset and classical codec
        baselines/summary.csv    their means, and how often ours is better
        baselines/<codec>.json   the codec's curve at our sizes in CompressAI's format
        autoencoder.csv          a row for each picture: what the autoencoder alone makes of it, the ceiling
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

    Returns:
        The contents of `summary.json`; None in all processes but the first.
    """
    state = PartialState()
    evaluator = Evaluator(pipeline, protocol, out, load_learned(protocol.learned, str(pipeline.device)))
    parts = Parts(out / "unfinished")
    share = pictures[state.process_index :: state.num_processes]
    for picture in tqdm(share, unit="picture", disable=None if state.is_local_main_process else True):
        _measure(evaluator, parts, picture)
    state.wait_for_everyone()
    summary = None
    if state.is_main_process:
        # All parts are there now; this reads them in the order of the pictures.
        summary = _assemble(evaluator, pictures, [_measure(evaluator, parts, picture) for picture in pictures])
        parts.clear()
    state.wait_for_everyone()
    return summary


def _measure(evaluator: Evaluator, parts: Parts, picture: Picture) -> dict[str, list[Row]]:
    """The rows of a picture by table, measured unless they are there."""
    conditions = {
        "model": [evaluator.pipeline.identity, evaluator.pipeline.entropy_identity],
        "protocol": asdict(evaluator.protocol),
        "caption": picture.caption,
        "file": hashlib.sha256(picture.path.read_bytes()).hexdigest(),
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
        return evaluator.metrics(to_tensor(original), decoded, picture.caption)

    protocol = evaluator.protocol
    rows = measure_budgets(evaluator.pipeline, picture, protocol.budgets, protocol.baselines, metrics, evaluator.out)
    return {"refined": rows}


def _assemble(evaluator: Evaluator, pictures: list[Picture], measured: list[dict[str, list[Row]]]) -> dict[str, Any]:
    pipeline, protocol, out = evaluator.pipeline, evaluator.protocol, evaluator.out
    names = ("rows", "codings", "times", "compared", "ceiling")
    rows, codings, times, compared, ceiling = ([row for m in measured for row in m[name]] for name in names)
    points = summarize(rows)
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
    strengths = {preset: pipeline.default_strength(preset) for preset in protocol.presets}
    settings = {"model": pipeline.identity, "entropy_models": pipeline.entropy_identity}
    settings |= {"pictures": len(pictures), "sizes": sizes}
    settings |= asdict(protocol) | {"default_strength": strengths}
    description = f"{pipeline.config.description} {protocol.dataset}, {', '.join(sizes)}, fit {protocol.fit}."
    summary = compressai_results("PerCoV2 Explorer", description.strip(), points) | {
        "points": points,
        "autoencoder": mean_metrics(ceiling),
        "settings": settings,
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

    refined = [row for m in measured for row in m.get("refined", [])]
    refined_points = summarize_budgets(refined)
    if refined:
        write_csv(out / "refined.csv", refined)
        write_csv(out / "refined-summary.csv", refined_points)

    sheet = _contact_sheet(evaluator, pictures)
    sheet.save(out / "contact-sheet.png")
    write_report(out / "report.html", summary, compared_points, labels, coded_points, refined_points, sheet)
    return summary


def _set_rows(evaluator: Evaluator, pictures: list[Picture]) -> list[Row]:
    rows = []
    for preset, sampling in product(evaluator.protocol.presets, evaluator.protocol.samplings):
        decoded = [evaluator.picture_path(picture, preset, sampling) for picture in pictures]
        with_clip = "clip" in evaluator.protocol.learned
        distances = measure_sets(pictures, decoded, with_clip, str(evaluator.pipeline.device))
        rows.append({"preset": preset} | evaluator.settings(preset, sampling) | distances)
    return rows


def _contact_sheet(evaluator: Evaluator, pictures: list[Picture]) -> Image.Image:
    """Originals, our pictures of the first sampling, and the classical codecs' at the highest rate; some of many."""
    presets, sampling = evaluator.protocol.presets, evaluator.protocol.samplings[0]
    codecs = [available_codecs()[name] for name in evaluator.protocol.baselines]
    rows = []
    for picture in pictures[:SHEET_ROWS]:
        row = [picture.load()]
        row += [Image.open(evaluator.picture_path(picture, preset, sampling)) for preset in presets]
        row += [codec.decode(evaluator.coded_path(picture, presets[-1], codec.name).read_bytes()) for codec in codecs]
        rows.append(row)
    return contact_sheet(
        ["original", *presets, *(f"{codec.label}, {presets[-1]} or smallest" for codec in codecs)], rows
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")
