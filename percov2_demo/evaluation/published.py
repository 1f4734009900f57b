"""Figures that others published, as data: each with its source, pictures, resolution and protocol."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from percov2_demo.assets import ASSETS
from percov2_demo.errors import InputError


PUBLISHED_FOLDER = ASSETS / "results" / "published"

Status = Literal["stated", "derived", "inferred"]
"""Printed by the source; arithmetic on printed figures; arithmetic or placement that rests on an assumption."""

Dataset = Literal["kodak", "coco-30k", "clic2020", "unstated"]

DATASETS: Mapping[str, int | None] = {"kodak": 24, "coco-30k": 30_000, "clic2020": 428, "unstated": None}
"""Numbers of pictures of the datasets."""

TEXT_COLUMNS = ("image", "label")
"""Columns that name a point instead of measuring it."""

COLUMNS: Mapping[str, str] = MappingProxyType(
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


Text = Annotated[str, StringConstraints(pattern=r"\S")]

_TEXTS = TypeAdapter(tuple[Text, ...])
_FIGURES = TypeAdapter(tuple[Annotated[float, Field(allow_inf_nan=False)] | None, ...])


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PublishedSource(_Record):
    """Who published a figure and where.

    Attributes:
        authors: The first author and "et al.".
        title: The publication, with its venue or number.
        where: Table, figure, section or file.
    """

    authors: Text
    title: Text
    where: Text

    def __str__(self) -> str:
        return f"published by {self.authors}, {self.title}, {self.where}"


class PublishedSeries(_Record):
    """Figures of one method from one source.

    Attributes:
        name: The method, and where it needs telling apart, its setting.
        source: Who published it.
        status: For all of the series' figures.
        results: Columns of equal length. Those of `TEXT_COLUMNS` hold text, those of `COLUMNS` finite numbers, or
            None where the source has none.
        derivation: How figures that are not printed follow from those that are; empty where they are printed.
        note: What a reader must know besides; may be empty.
    """

    name: Text
    source: PublishedSource
    status: Status
    results: Mapping[str, tuple[Any, ...]]
    derivation: str = ""
    note: str = ""

    @field_validator("results")
    @classmethod
    def _are_columns(cls, results: Mapping[str, tuple[Any, ...]]) -> Mapping[str, tuple[Any, ...]]:
        if unknown := sorted(set(results) - set(COLUMNS) - set(TEXT_COLUMNS)):
            raise ValueError(f"unknown metric {', '.join(unknown)}: use one of {', '.join(COLUMNS)}")
        lengths = {key: len(column) for key, column in results.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns have unequal lengths: {lengths}")
        for key, column in results.items():
            kind, name = (_TEXTS, "text") if key in TEXT_COLUMNS else (_FIGURES, "finite numbers or null")
            try:
                kind.validate_python(column, strict=True)
            except ValidationError:
                raise ValueError(f"{key} must hold {name}") from None
        if not any(value is not None for key in results.keys() - set(TEXT_COLUMNS) for value in results[key]):
            raise ValueError("there are no figures")
        return MappingProxyType(dict(results))

    @model_validator(mode="after")
    def _say_how_they_follow(self) -> Self:
        if (self.status == "stated") == bool(self.derivation):
            raise ValueError("a derivation is needed if the status is derived or inferred, and none if it is stated")
        return self

    @property
    def label(self) -> str:
        """The name for people, which says that the figures are published and not measured here."""
        suffix = "published" if self.status == "stated" else f"{self.status} from published figures"
        return f"{self.name} ({suffix})"


class PublishedSet(_Record):
    """Series on the same pictures at the same resolution under the same protocol: what one chart may show together.

    Attributes:
        dataset: One of `DATASETS`.
        width: Width of the pictures in pixels; None where it is not stated.
        height: Height of the pictures in pixels; None where it is not stated.
        protocol: How pictures get to that size ("squash", "crop", "native", "unstated"), the device of timings, or
            what else the figures have in common.
        protocol_status: Whether the protocol is stated.
        series: The figures.
        note: What a reader must know about all series; may be empty.
    """

    dataset: Dataset
    width: PositiveInt | None
    height: PositiveInt | None
    protocol: Text
    protocol_status: Literal["stated", "inferred", "unstated"]
    series: Annotated[tuple[PublishedSeries, ...], Field(min_length=1)]
    note: str = ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height must be both numbers or both null")
        names = [item.name for item in self.series]
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"series named twice: {', '.join(sorted(repeated))}")
        return self

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
            published = PublishedSet.model_validate_json(path.read_text("utf-8"))
            key = (published.dataset, published.width, published.height, published.protocol)
            if key in sets:
                raise InputError(
                    f"{path.name}: another file has the same dataset, resolution and protocol: put the series there"
                )
        except ValidationError as error:
            raise InputError(f"{path.name}: {_complaint(error)}") from None
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


def _complaint(error: ValidationError) -> str:
    """Say in one line what is wrong first, and where."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return f"{place} is not as it must be ({first['msg'].removeprefix('Value error, ')})"
