"""Metrics between originals and reconstructions.

`measure` gives those that need nothing but the pictures; LPIPS and CLIP have loaders, because their weights may have
to come from elsewhere; `set_metrics` compares whole collections.
"""

from percov2_demo.metrics.catalogue import METRICS, Metric, measure
from percov2_demo.metrics.distortion import MS_SSIM_MIN_SIDE, colour_shift, ms_ssim, psnr
from percov2_demo.metrics.learned import Clip, Lpips, load_clip, load_lpips
from percov2_demo.metrics.picture import to_tensor
from percov2_demo.metrics.realism import REALISM_MIN_SIDE, patch_realism
from percov2_demo.metrics.sets import MIN_PICTURES, build_set_metrics, cmmd, patches, set_metrics


__all__ = [
    "METRICS",
    "MIN_PICTURES",
    "MS_SSIM_MIN_SIDE",
    "REALISM_MIN_SIDE",
    "Clip",
    "Lpips",
    "Metric",
    "build_set_metrics",
    "cmmd",
    "colour_shift",
    "load_clip",
    "load_lpips",
    "measure",
    "ms_ssim",
    "patch_realism",
    "patches",
    "psnr",
    "set_metrics",
    "to_tensor",
]
