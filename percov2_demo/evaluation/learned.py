"""Metrics of an evaluation that need weights of their own, by the names they are asked for."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from percov2_demo.evaluation.measure import LearnedMetric
from percov2_demo.evaluation.protocol import Picture
from percov2_demo.evaluation.tables import Row
from percov2_demo.metrics import (
    MIN_PICTURES,
    build_set_metrics,
    load_clip,
    load_lpips,
    set_metrics,
    set_realism,
    to_tensor,
)


PATCH_SIDE = 64
"""Side in pixels of the patches that stand for pictures where there are few, as CoD takes on Kodak."""


def load_learned(names: Sequence[str], device: str) -> tuple[LearnedMetric, ...]:
    """Return the metrics of a pair: "lpips", and "clip" for CLIP score and similarity.

    Raises:
        MetricError: The weights of one are neither here nor reachable.
    """
    if "fid" in names:
        # It is needed at the end; say now if it is missing.
        build_set_metrics()
    builders = {"lpips": _lpips, "clip": _clip}
    return tuple(builders[name](device) for name in names if name in builders)


def measure_sets(pictures: Sequence[Picture], decoded: Sequence[Path], with_clip: bool, device: str) -> Row:
    """Measure FID and KID between originals and reconstructions, of patches where there are few pictures.

    With CLIP, CMMD too.

    Raises:
        MetricError: The library or its weights are missing.
    """
    patch_side = None if len(pictures) >= MIN_PICTURES else PATCH_SIDE
    originals = (to_tensor(picture.load()) for picture in pictures)
    clip = load_clip(device) if with_clip else None
    distances = set_metrics(originals, map(open_tensor, decoded), patch_side=patch_side, clip=clip, device=device)
    return {"patch_side": patch_side} | distances


def measure_set_realism(pictures: Iterable[Tensor]) -> Row:
    """Measure the realism of pictures as a set, rounded, see `metrics.set_realism`."""
    realism = set_realism(pictures)
    return {"set_realism": None if realism is None else round(realism, 2)}


def open_tensor(path: Path) -> Tensor:
    """Read a picture `(3, H, W)` in [0, 1]."""
    with Image.open(path) as image:
        return to_tensor(image)


def _lpips(device: str) -> LearnedMetric:
    lpips = load_lpips(device)
    return lambda original, decoded, _caption: {"lpips": lpips(original, decoded)}


def _clip(device: str) -> LearnedMetric:
    clip = load_clip(device)
    return lambda original, decoded, caption: {
        "clip_score": clip.score(decoded, caption) if caption else None,
        "clip_similarity": clip.similarity(original, decoded),
    }
