"""Metrics between originals and reconstructions.

`measure` gives those that come with this package and its requirements; LPIPS and CLIP have loaders, because their
weights may have to come from elsewhere; `set_realism` and `set_metrics` are of whole collections.
"""

from percov2_demo.metrics.catalogue import METRICS, Metric, Reference, measure
from percov2_demo.metrics.deep import DEEP_MIN_SIDE, deep_distance, deep_realism, load_deep_features, set_realism
from percov2_demo.metrics.distortion import MS_SSIM_MIN_SIDE, colour_shift, ms_ssim, psnr
from percov2_demo.metrics.learned import Clip, Lpips, load_clip, load_lpips
from percov2_demo.metrics.picture import to_tensor
from percov2_demo.metrics.sets import MIN_PICTURES, build_set_metrics, cmmd, patches, set_metrics


__all__ = [
    "DEEP_MIN_SIDE",
    "METRICS",
    "MIN_PICTURES",
    "MS_SSIM_MIN_SIDE",
    "Clip",
    "Lpips",
    "Metric",
    "Reference",
    "build_set_metrics",
    "cmmd",
    "colour_shift",
    "deep_distance",
    "deep_realism",
    "load_clip",
    "load_deep_features",
    "load_lpips",
    "measure",
    "ms_ssim",
    "patches",
    "psnr",
    "set_metrics",
    "set_realism",
    "to_tensor",
]
