"""PerCoV2 Explorer: a photo in about a hundred bytes, and back.

The public names load their modules on first use, so that reading a container or printing help does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from percov2_demo.bitstream import Bitstream, BitstreamError, Withheld
    from percov2_demo.images import ImageError
    from percov2_demo.models.autoencoder import PatchAutoencoder
    from percov2_demo.models.hyper_codec import HyperCodec
    from percov2_demo.pipelines.perco import PerCoPipeline
    from percov2_demo.pipelines.percov2 import PerCoV2Pipeline

_MODULES = {
    "Bitstream": "bitstream",
    "BitstreamError": "bitstream",
    "HyperCodec": "models.hyper_codec",
    "ImageError": "images",
    "PatchAutoencoder": "models.autoencoder",
    "PerCoPipeline": "pipelines.perco",
    "PerCoV2Pipeline": "pipelines.percov2",
    "Withheld": "bitstream",
}

__all__ = [
    "Bitstream",
    "BitstreamError",
    "HyperCodec",
    "ImageError",
    "PatchAutoencoder",
    "PerCoPipeline",
    "PerCoV2Pipeline",
    "Withheld",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
