"""PerCoV2 Explorer: a photo in about a hundred bytes, and back.

The public names load their modules on first use, so that reading a container or printing help does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from percov2_demo.bitstream import Bitstream, Withheld
    from percov2_demo.errors import ImageError, PerCoError, StreamError
    from percov2_demo.models.autoencoder import PatchAutoencoder
    from percov2_demo.models.hyper_codec import HyperCodec
    from percov2_demo.pipelines.perco import PerCoPipeline
    from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
    from percov2_demo.pipelines.target import AnyRate

__version__ = "1.0.0"

_MODULES = {
    "AnyRate": "pipelines.target",
    "Bitstream": "bitstream",
    "HyperCodec": "models.hyper_codec",
    "ImageError": "errors",
    "PatchAutoencoder": "models.autoencoder",
    "PerCoError": "errors",
    "PerCoPipeline": "pipelines.perco",
    "PerCoV2Pipeline": "pipelines.percov2",
    "StreamError": "errors",
    "Withheld": "bitstream",
}

__all__ = [
    "AnyRate",
    "Bitstream",
    "HyperCodec",
    "ImageError",
    "PatchAutoencoder",
    "PerCoError",
    "PerCoPipeline",
    "PerCoV2Pipeline",
    "StreamError",
    "Withheld",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
