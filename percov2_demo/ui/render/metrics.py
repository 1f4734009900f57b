"""How close a reconstruction came, as a table."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from PIL import Image

from percov2_demo.errors import MetricError
from percov2_demo.painters.agreement import MEANING
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.metrics import Lpips, Metric

_HINTS = {
    "deep_distance": "how far apart a network sees the two: 0 is alike, 1.2 a blur of 8 pixels",
    "deep_realism": "how far it is from photos at large: 1 is an average photo",
    "psnr": "distortion, pixel by pixel",
    "ms_ssim": "distortion of structure, 0 to 1",
    "lpips": "distortion as a network sees it",
    "colour_shift": "mean difference of colours, blurred",
}
"""What each metric looks at, in the order of the table."""


def pair_metrics(original: Image.Image, reconstruction: Image.Image) -> dict[str, float | None]:
    """Return the metrics of a pair by name, in the order of the table; None for what cannot be measured here.

    Args:
        original: The picture as the codec saw it.
        reconstruction: What came back, of the same size.
    """
    from percov2_demo.metrics import measure, to_tensor

    first, second = to_tensor(original), to_tensor(reconstruction)
    values, lpips = measure(first, second), local_lpips()
    if lpips is not None:
        values["lpips"] = lpips(first, second)
    return {name: values.get(name) for name in _HINTS}


def metrics_html(values: Mapping[str, float | None]) -> str:
    """Return metrics as a table, see `pair_metrics`, and the picture's agreement with its file.

    LPIPS has no row where its weights are not on this machine.
    """
    from percov2_demo.metrics import METRICS

    rows = [
        (METRICS[name], _HINTS[name], "picture too small" if value is None else _told(METRICS[name], value))
        for name, value in values.items()
        if name in METRICS and (name != "lpips" or value is not None)
    ]
    return render("render/metrics.html", rows=rows, agreement=_agreement(values), meaning=MEANING)


def metrics_summary(values: Mapping[str, float | None]) -> str:
    """Say the first two metrics in one line."""
    told = [f"{name} {value}" for name, value in metric_fields(values)[:2]]
    return f"How close it came: {', '.join(told)}" if told else "How close it came"


def metric_fields(values: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """Return the names and values of what was measured, for people."""
    from percov2_demo.metrics import METRICS

    told = [
        (METRICS[name].label, _told(METRICS[name], value))
        for name, value in values.items()
        if name in METRICS and value is not None
    ]
    agreement = _agreement(values)
    return [*told, ("Agreement with the file", agreement)] if agreement else told


@cache
def local_lpips() -> "Lpips | None":
    """LPIPS if its weights are on this machine; the page asks no other."""
    from percov2_demo.metrics import load_lpips

    try:
        return load_lpips(local_only=True)
    except MetricError:
        return None


def _told(metric: "Metric", value: float) -> str:
    return f"{value:.2f} {metric.unit}".strip()


def _agreement(values: Mapping[str, float | None]) -> str:
    agreement = values.get("agreement")
    return "" if agreement is None else f"{agreement:.0%}"
