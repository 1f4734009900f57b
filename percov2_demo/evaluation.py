"""Rates and metrics of a model over a folder of pictures, as CSV files and a contact sheet."""

import csv
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from percov2_demo.bitstream import Bitstream
from percov2_demo.images import fit_image, load_image
from percov2_demo.metrics import ms_ssim, psnr
from percov2_demo.rates import RateReport


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp")
THUMBNAIL = 256


@dataclass(frozen=True)
class Sampling:
    """Decoder settings of an evaluation; a strength of None is the model's default for each preset."""

    steps: int = 20
    guidance: float = 3.0
    strength: float | None = None
    seed: int = 0


@dataclass(frozen=True)
class Measurement:
    """One picture at one preset; bytes of the file, bits per pixel of the papers' payload, dB, seconds."""

    image: str
    preset: str
    width: int
    height: int
    spatial_bytes: int
    caption_bytes: int
    file_bytes: int
    payload_bpp: float
    psnr: float
    ms_ssim: float
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

    Writes `images.csv` (one row a picture and preset), `summary.csv` (means a preset) and `contact-sheet.png`
    (original, then the presets, one row a picture) to `out`, and returns the summary.

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
    for path in tqdm(paths, unit="picture"):
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
    summary = {preset: _means(m for m in measurements if m.preset == preset) for preset in presets}
    _write_csv(out / "images.csv", [asdict(measurement) for measurement in measurements])
    _write_csv(out / "summary.csv", [{"preset": preset, **means} for preset, means in summary.items()])
    contact_sheet(rows).save(out / "contact-sheet.png")
    return {"model": pipeline.identity[:12], "pictures": len(paths), **asdict(sampling), "presets": summary}


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
    first, second = _to_tensor(original), _to_tensor(decoded)
    return Measurement(
        image=name,
        preset=stream.preset,
        width=stream.width,
        height=stream.height,
        spatial_bytes=rates.spatial_bytes,
        caption_bytes=rates.caption_bytes,
        file_bytes=rates.file_bytes,
        payload_bpp=round(rates.payload_bpp, 6),
        psnr=round(psnr(first, second), 3),
        ms_ssim=round(ms_ssim(first, second), 4),
        decode_seconds=round(seconds, 2),
    )


def _means(measurements: Iterable[Measurement]) -> dict[str, float]:
    measurements = list(measurements)
    digits = {"file_bytes": 1, "payload_bpp": 5, "psnr": 2, "ms_ssim": 3, "decode_seconds": 1}
    return {name: round(fmean(getattr(m, name) for m in measurements), places) for name, places in digits.items()}


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


def _to_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
