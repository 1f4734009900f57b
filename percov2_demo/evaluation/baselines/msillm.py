"""MS-ILLM (Muckley et al., ICML 2023) at its lowest rates, the nearest neural codec whose weights are public.

It takes the package `neuralcompression` and the weights that its authors published in 2024, in the folder where
`torch.hub` keeps downloads. The weights are under CC BY-NC 4.0, which forbids commercial use; nothing here fetches
them. Its libraries, torch too, are imported when it is used: the page lists the codecs before it needs any.
"""

import struct
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from percov2_demo.errors import CodecError
from percov2_demo.evaluation.baselines.codec import Codec, without_metadata


TARGETS = {0.00218: "msillm_target_0.00218bpp.ckpt", 0.00438: "msillm_target_0.00438bpp.ckpt"}
"""Files of weights by the bits per pixel that they were trained for."""

FACTOR = 64
"""Sides are padded to multiples of it."""

_HEAD = struct.Struct(">BHHH")
"""Number of the target, width, height, and bytes of the hyper-latent's string, which comes before the latent's."""


def find_msillm() -> Codec | None:
    """Return MS-ILLM at those rates whose weights are here; None without any, or without `neuralcompression`."""
    if find_spec("neuralcompression") is None:
        return None
    targets = tuple(target for target in TARGETS if _weights(target).is_file())
    if not targets:
        return None
    return Codec("msillm", "MS-ILLM", ".illm", targets, _encode, _decode)


def _encode(image: Image.Image, target: float) -> bytes:
    import torch

    from percov2_demo.metrics import to_tensor

    picture = without_metadata(image)
    if min(picture.size) < FACTOR:
        raise CodecError(f"MS-ILLM needs sides of at least {FACTOR} pixels, not {picture.width}x{picture.height}.")
    with torch.inference_mode():
        coded = _load(target).compress(to_tensor(picture)[None])
    (hyper_latent,), (latent,) = coded.hyper_latent_strings, coded.latent_strings
    head = _HEAD.pack(list(TARGETS).index(target), picture.width, picture.height, len(hyper_latent))
    return head + hyper_latent + latent


def _decode(data: bytes) -> Image.Image:
    import torch
    from neuralcompression import HyperpriorCompressedOutput

    number, width, height, length = _HEAD.unpack_from(data)
    strings = data[_HEAD.size :]
    coded = HyperpriorCompressedOutput(
        hyper_latent_strings=[strings[:length]],
        latent_strings=[strings[length:]],
        image_size=(height, width),
        padded_size=(-(-height // FACTOR) * FACTOR, -(-width // FACTOR) * FACTOR),
    )
    with torch.inference_mode():
        (picture,) = _load(list(TARGETS)[number]).decompress(coded)
    return Image.fromarray((255 * picture).round().byte().permute(1, 2, 0).numpy())


@cache
def _load(target: float) -> Any:
    """Load a model with its weights, on the CPU: their entropy coder's numbers differ between devices."""
    import torch
    from neuralcompression.models import HiFiCAutoencoder

    model = HiFiCAutoencoder()
    try:
        model.load_state_dict(torch.load(_weights(target), map_location="cpu", weights_only=True))
    except Exception as error:  # Whatever is in the file: torch raises errors of several libraries.
        raise CodecError(f"The weights {TARGETS[target]} are no weights of MS-ILLM: fetch them again.") from error
    model.eval().update_tensor_devices("compress")
    return model


def _weights(target: float) -> Path:
    from torch.hub import get_dir

    return Path(get_dir(), "checkpoints", TARGETS[target])
