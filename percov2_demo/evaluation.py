"""Rates and metrics of a model over a folder of pictures, as CSV files and a contact sheet."""

import csv
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from PIL import Image
from tqdm import tqdm

from percov2_demo.bitstream import Bitstream
from percov2_demo.images import fit_image, load_image
from percov2_demo.metrics import measure, to_tensor
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp")
THUMBNAIL = 256


@dataclass(frozen=True)
class Measurement:
    """One picture at one preset: bytes, bits per pixel of indices and caption, dB, and the metrics' own units.

    `ms_ssim` and `realism` are None where a side is too short for them.
    """

    image: str
    preset: str
    width: int
    height: int
    spatial_bytes: int
    caption_bytes: int
    file_bytes: int
    payload_bpp: float
    psnr: float
    ms_ssim: float | None
    realism: float | None
    colour_shift: float
    decode_seconds: float


def evaluate(
    pipeline: "PerCoV2Pipeline",
    folder: Path,
    out: Path,
    presets: Sequence[str],
    captions: Path | None,
    fit: str,
    sampling: Sampling,
) -> dict[str, Any]:
    """Compresses and decompresses every picture of a folder at every preset, through real files.

    Writes to `out`: `images.csv`, a row for each picture and preset; `summary.csv`, the means of each preset;
    `summary.json`, the same with the model and the settings, which is also returned; `contact-sheet.png`, a row for
    each picture, the original first; and the streams.

    Raises:
        ValueError: The folder holds no picture, or the captions do not name every picture.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)
    if not paths:
        raise ValueError(f"no pictures in {folder}: give a folder of {', '.join(EXTENSIONS)} files")
    texts = _read_captions(captions, [path.name for path in paths]) if captions else {}
    streams = out / "streams"
    streams.mkdir(parents=True, exist_ok=True)
    measurements, rows = [], []
    for path in tqdm(paths, unit="picture", disable=None):
        original = fit_image(load_image(path), fit, max_side=pipeline.max_side)
        row = [original]
        for preset in presets:
            file = streams / f"{path.stem}-{preset}.pcv2"
            stream = pipeline.compress(original, preset, texts.get(path.name, ""), fit="native")
            file.write_bytes(stream.to_bytes())
            start = time.perf_counter()
            decoded = pipeline.decompress(
                Bitstream.from_bytes(file.read_bytes()),
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                strength=sampling.strength,
                seed=sampling.seed,
            )
            seconds = time.perf_counter() - start
            measurements.append(_measure(path.name, stream, original, decoded, seconds))
            row.append(decoded)
        rows.append(row)
        _write_csv(out / "images.csv", [asdict(measurement) for measurement in measurements])
    means = {preset: _means(m for m in measurements if m.preset == preset) for preset in presets}
    _write_csv(out / "summary.csv", [{"preset": preset, **values} for preset, values in means.items()])
    contact_sheet(rows).save(out / "contact-sheet.png")
    strengths = {preset: sampling.strength or pipeline.default_strength(preset) for preset in presets}
    settings = {"model": pipeline.identity, "pictures": len(paths), "fit": fit, **asdict(sampling)}
    summary = settings | {"strength": strengths, "presets": means}
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def contact_sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Rows of thumbnails; each is scaled to fit a square of 256 pixels."""
    sheet = Image.new("RGB", (THUMBNAIL * max(map(len, rows)), THUMBNAIL * len(rows)), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            thumbnail = image.copy()
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            sheet.paste(thumbnail, (x * THUMBNAIL, y * THUMBNAIL))
    return sheet


def _measure(name: str, stream: Bitstream, original: Image.Image, decoded: Image.Image, seconds: float) -> Measurement:
    rates = RateReport.from_bitstream(stream)
    metrics = measure(to_tensor(original), to_tensor(decoded))
    return Measurement(
        image=name,
        preset=stream.preset,
        width=stream.width,
        height=stream.height,
        spatial_bytes=rates.spatial_bytes,
        caption_bytes=rates.caption_bytes,
        file_bytes=rates.file_bytes,
        payload_bpp=round(rates.payload_bpp, 6),
        psnr=round(metrics["psnr"], 3),
        ms_ssim=None if metrics["ms_ssim"] is None else round(metrics["ms_ssim"], 4),
        realism=None if metrics["realism"] is None else round(metrics["realism"], 4),
        colour_shift=round(metrics["colour_shift"], 3),
        decode_seconds=round(seconds, 2),
    )


def _means(measurements: Iterable[Measurement]) -> dict[str, float]:
    measurements = list(measurements)
    digits = {"file_bytes": 1, "payload_bpp": 5, "psnr": 2, "ms_ssim": 3}
    digits |= {"realism": 3, "colour_shift": 2, "decode_seconds": 1}
    values = {name: [getattr(m, name) for m in measurements if getattr(m, name) is not None] for name in digits}
    return {name: round(fmean(values[name]), places) for name, places in digits.items() if values[name]}


def _read_captions(path: Path, names: Iterable[str]) -> dict[str, str]:
    try:
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        captions = {record["file"]: record["caption"] for record in records}
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f'{path.name} must hold one JSON object a line, with "file" and "caption"') from error
    missing = sorted(set(names) - set(captions))
    if missing:
        raise ValueError(f"{path.name} has no caption for {missing[0]}")
    return captions


def _write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
