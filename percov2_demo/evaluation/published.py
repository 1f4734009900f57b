"""Figures that others published, as data: each with its source, pictures, resolution and protocol."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from percov2_demo.assets import ASSETS
from percov2_demo.errors import InputError


PUBLISHED_FOLDER = ASSETS / "results" / "published"

STATUSES = ("stated", "derived", "inferred")
"""Printed by the source; arithmetic on printed figures; arithmetic or placement that rests on an assumption."""

DATASETS = {"kodak": 24, "coco-30k": 30_000, "clic2020": 428, "unstated": None}
"""Names of datasets, with their numbers of pictures."""

TEXT_COLUMNS = ("image", "label")
"""Columns that name a point instead of measuring it."""

METRICS: Mapping[str, str] = MappingProxyType(
    {
        "bpp": "bits per pixel of everything sent, without a container",
        "index-bpp": "bits per pixel of the indices alone",
        "caption-bpp": "bits per pixel of the caption alone",
        "indices": "indices sent so far",
        "embedding-bpp": "bits per pixel of an image embedding in the caption's place",
        "bits-per-index": "bits of an index after entropy coding",
        "bytes": "bytes of everything sent, without a container",
        "caption-bytes": "bytes of the caption",
        "kilobytes": "kilobytes as printed; whether of 1000 or 1024 bytes is not stated",
        "saving-percent": "percent of the total saved against uniform coding, higher is better",
        "index-saving-percent": "percent of the indices' bits saved against uniform coding, higher is better",
        "rate-change-percent": "percent of rate against another codec at equal quality, lower is better",
        "rate-ratio": "rate over that of PerCoV2 on the same picture",
        "psnr-rgb": "peak signal-to-noise ratio in dB, higher is better",
        "ms-ssim-rgb": "multi-scale structural similarity from 0 to 1, higher is better",
        "lpips": "learned perceptual distance, network not stated, lower is better",
        "lpips-alex": "learned perceptual distance on AlexNet, lower is better",
        "dists": "deep image structure and texture distance, lower is better",
        "fid": "Fréchet inception distance, patches or whole pictures not stated, lower is better",
        "fid-patch64": "Fréchet inception distance on patches of 64 pixels, lower is better",
        "kid": "kernel inception distance, lower is better",
        "clip-score": "agreement with reference captions, higher is better",
        "miou": "mean intersection over union of label maps in percent, higher is better",
        "encoding_time": "seconds to encode a picture",
        "decoding_time": "seconds to decode a picture",
        "encoding-fps": "pictures encoded a second",
        "decoding-fps": "pictures decoded a second",
        "decoding-speedup": "times faster than the codec that the note names",
    }
)
"""Meaning of each numeric column; those that CompressAI's result files have are named as there."""

MEASURED_METRICS = {"psnr": "psnr-rgb", "ms_ssim": "ms-ssim-rgb", "lpips": "lpips-alex"}
"""Our metrics that are defined as a published column is, see `metrics.METRICS`, with that column."""


@dataclass(frozen=True)
class PublishedSource:
    """Who published a figure and where.

    Attributes:
        authors: The first author and "et al.".
        title: The publication, with its venue or number.
        where: Table, figure, section or file.
    """

    authors: str
    title: str
    where: str

    def __str__(self) -> str:
        return f"published by {self.authors}, {self.title}, {self.where}"


@dataclass(frozen=True)
class PublishedSeries:
    """Figures of one method from one source.

    Attributes:
        name: The method, and where it needs telling apart, its setting.
        source: Who published it.
        status: One of `STATUSES`, for all of the series' figures.
        results: Columns of equal length. Those of `TEXT_COLUMNS` hold text, those of `METRICS` finite numbers, or
            None where the source has none.
        derivation: How figures that are not printed follow from those that are; empty where they are printed.
        note: What a reader must know besides; may be empty.
    """

    name: str
    source: PublishedSource
    status: str
    results: Mapping[str, tuple[Any, ...]]
    derivation: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """The name for people, which says that the figures are published and not measured here."""
        suffix = "published" if self.status == "stated" else f"{self.status} from published figures"
        return f"{self.name} ({suffix})"


@dataclass(frozen=True)
class PublishedSet:
    """Series on the same pictures at the same resolution under the same protocol: what one chart may show together.

    Attributes:
        dataset: One of `DATASETS`.
        width: Width of the pictures in pixels; None where it is not stated.
        height: Height of the pictures in pixels; None where it is not stated.
        protocol: How pictures get to that size ("squash", "crop", "native", "unstated"), the device of timings, or
            what else the figures have in common.
        protocol_status: "stated", "inferred" or "unstated".
        series: The figures.
        note: What a reader must know about all series; may be empty.
    """

    dataset: str
    width: int | None
    height: int | None
    protocol: str
    protocol_status: str
    series: tuple[PublishedSeries, ...]
    note: str = ""

    @property
    def label(self) -> str:
        """Pictures, resolution and protocol for people, which says that the figures are published."""
        dataset = "pictures not stated" if self.dataset == "unstated" else self.dataset
        size = "resolution not stated" if self.width is None else f"{self.width}x{self.height}"
        protocol = "protocol not stated" if self.protocol == "unstated" else self.protocol
        inferred = " (inferred)" if self.protocol_status == "inferred" else ""
        return f"published: {dataset}, {size}, {protocol}{inferred}"


def load_published(folder: Path = PUBLISHED_FOLDER) -> tuple[PublishedSet, ...]:
    """Load all sets of a folder in the order of their files' names.

    Raises:
        InputError: The folder holds no set, a file does not have the layout, or two files are about the same
            dataset, resolution and protocol; the message names the file.
    """
    sets: dict[tuple[Any, ...], PublishedSet] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            published = _read_set(json.loads(path.read_text("utf-8")))
            key = (published.dataset, published.width, published.height, published.protocol)
            if key in sets:
                raise InputError("another file has the same dataset, resolution and protocol: put the series there")
        except json.JSONDecodeError as error:
            raise InputError(f"{path.name}: no JSON from line {error.lineno} on") from None
        except InputError as error:
            raise InputError(f"{path.name}: {error}") from error
        sets[key] = published
    if not sets:
        raise InputError(f"no published figures in {folder.name}: give a folder of .json files")
    return tuple(sets.values())


def published_for(dataset: str, width: int, height: int) -> tuple[PublishedSet, ...]:
    """Return the committed sets on that dataset and resolution in pixels, one for each protocol.

    A set without a stated resolution is never among them.
    """
    wanted = (dataset, width, height)
    return tuple(item for item in load_published() if (item.dataset, item.width, item.height) == wanted)


def published_transmission(preset: str, schedule: str) -> PublishedSeries | None:
    """Return the printed rate after each of the first groups of a transmission, on 512x512 pixels.

    Args:
        preset: Name of the preset.
        schedule: Name of the entropy schedule.

    Returns:
        A series with a column "bpp", a value for each group from the first on; None where nothing is printed.
    """
    return _transmission().get(f"PerCoV2, {preset}, {schedule}")


def published_caption_bytes(preset: str) -> int:
    """Return the bytes of the caption in `published_transmission`'s rates, inferred."""
    return _transmission()[f"PerCoV2, {preset}, caption"].results["caption-bytes"][0]


@cache
def _transmission() -> Mapping[str, PublishedSeries]:
    [published] = (item for item in published_for("unstated", 512, 512) if item.protocol == "group by group")
    return {series.name: series for series in published.series}


def _read_set(data: Any) -> PublishedSet:
    required = {"dataset", "width", "height", "protocol", "protocol_status", "series"}
    _check_keys(data, "the file", required, optional={"note"})
    if data["dataset"] not in DATASETS:
        raise InputError(f"unknown dataset {data['dataset']!r}: use one of {', '.join(DATASETS)}")
    sides = (data["width"], data["height"])
    if sides != (None, None) and not all(type(side) is int and side > 0 for side in sides):
        raise InputError(
            f"width and height must be positive whole numbers, or both null, not {sides[0]} and {sides[1]}"
        )
    _check_text(data["protocol"], "the protocol")
    if data["protocol_status"] not in ("stated", "inferred", "unstated"):
        raise InputError(f"protocol_status must be stated, inferred or unstated, not {data['protocol_status']!r}")
    if not isinstance(data["series"], list) or not data["series"]:
        raise InputError("series must be a list with at least one series")
    series = tuple(_read_series(item) for item in data["series"])
    names = [item.name for item in series]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InputError(f"series named twice: {', '.join(sorted(repeated))}")
    return PublishedSet(**(data | {"series": series}))


def _read_series(data: Any) -> PublishedSeries:
    _check_keys(data, "a series", required={"name", "source", "status", "results"}, optional={"derivation", "note"})
    name = data["name"]
    _check_text(name, "the name of a series")
    _check_keys(data["source"], f"the source of {name}", required={"authors", "title", "where"}, optional=set())
    for key, value in data["source"].items():
        _check_text(value, f"{key} in the source of {name}")
    if data["status"] not in STATUSES:
        raise InputError(f"unknown status {data['status']!r} of {name}: use one of {', '.join(STATUSES)}")
    if (data["status"] == "stated") == ("derivation" in data):
        raise InputError(f"{name} needs a derivation if its status is derived or inferred, and none if it is stated")
    source = PublishedSource(**data["source"])
    return PublishedSeries(**(data | {"source": source, "results": _read_results(data["results"], name)}))


def _read_results(data: Any, name: str) -> Mapping[str, tuple[Any, ...]]:
    if not isinstance(data, dict) or not all(isinstance(column, list) for column in data.values()):
        raise InputError(f"the results of {name} must be lists by column name")
    if unknown := sorted(set(data) - set(METRICS) - set(TEXT_COLUMNS)):
        raise InputError(f"unknown metric {', '.join(unknown)} of {name}: use one of {', '.join(METRICS)}")
    lengths = {key: len(column) for key, column in data.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"the columns of {name} have unequal lengths: {lengths}")
    for key, column in data.items():
        valid = _is_text if key in TEXT_COLUMNS else _is_figure
        if not all(map(valid, column)):
            kind = "text" if key in TEXT_COLUMNS else "finite numbers or null"
            raise InputError(f"{key} of {name} must hold {kind}")
    if not any(value is not None for key in set(data) - set(TEXT_COLUMNS) for value in data[key]):
        raise InputError(f"{name} has no figures")
    return MappingProxyType({key: tuple(column) for key, column in data.items()})


def _check_keys(data: Any, what: str, required: set[str], optional: set[str]) -> None:
    if not isinstance(data, dict):
        raise InputError(f"{what} must be a JSON object")
    if missing := sorted(required - set(data)):
        raise InputError(f"{what} lacks {', '.join(missing)}")
    if unknown := sorted(set(data) - required - optional):
        raise InputError(f"{what} has unknown keys {', '.join(unknown)}")
    for key in optional & set(data):
        _check_text(data[key], f"{key} of {what}")


def _check_text(value: Any, what: str) -> None:
    if not _is_text(value):
        raise InputError(f"{what} must be text that is not empty")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_figure(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and math.isfinite(value))
