"""The Stable Diffusion 3 checkpoint that a full-size model is trained from."""

import torch
from diffusers import AutoencoderKL

from percov2_demo.checkpoints.folders import base_folder
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline


def widened_base(model: str, revision: str | None, hyper_codec: HyperCodec, dtype: torch.dtype) -> PerCoV2Pipeline:
    """Load what training starts from: all is frozen but the widened transformer and the hyper-codec.

    Transformer and autoencoder are in single precision. The autoencoder takes one picture at a time, whose memory
    would else be more than the transformer's.

    Args:
        model: Folder, or repository on the hub.
        revision: Commit, tag or branch on the hub.
        hyper_codec: The hyper-codec.
        dtype: Precision of the text encoders.

    Raises:
        InputError: There is no such checkpoint, or it is not one of Stable Diffusion 3.
    """
    precision = {"transformer": torch.float32, "vae": torch.float32, "default": dtype}
    pipeline = PerCoV2Pipeline.from_base(model, hyper_codec, revision, dtype=precision)
    for name, part in pipeline.networks.items():
        part.requires_grad_(name in ("transformer", "hyper_codec"))
    pipeline.vae.enable_slicing()
    return pipeline


def load_vae(model: str, revision: str | None) -> AutoencoderKL:
    """Load the checkpoint's autoencoder alone, frozen, in single precision.

    Args:
        model: As in `widened_base`.
        revision: As in `widened_base`.

    Raises:
        InputError: As in `widened_base`.
    """
    vae = AutoencoderKL.from_pretrained(base_folder(model, revision), subfolder="vae", use_safetensors=True)
    return vae.requires_grad_(False)
