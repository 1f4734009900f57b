"""A text-to-image model of the SD3 family as what a codec is trained from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusion3Pipeline

from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.widening import widen_input
from percov2_demo.pipeline import PerCoV2Pipeline


_SHARED = (
    "vae",
    "scheduler",
    "text_encoder",
    "tokenizer",
    "text_encoder_2",
    "tokenizer_2",
    "text_encoder_3",
    "tokenizer_3",
)


def load_base(model: str, revision: str | None, dtype: torch.dtype) -> StableDiffusion3Pipeline:
    """The base model, frozen: transformer and autoencoder in single precision, text encoders as asked.

    The autoencoder takes one picture at a time, whose memory would else be more than the transformer's.

    Args:
        model: Folder or hub id.
        revision: Commit, tag or branch on the hub.
        dtype: Precision of the text encoders.

    Raises:
        ValueError: There is no such model within reach, or it is of another kind.
    """
    precision = {"transformer": torch.float32, "vae": torch.float32, "default": dtype}
    with _one_sentence(model):
        base = StableDiffusion3Pipeline.from_pretrained(
            model, revision=revision, dtype=precision, use_safetensors=True
        )
    for part in base.components.values():
        if isinstance(part, torch.nn.Module):
            part.requires_grad_(False)
    base.vae.enable_slicing()
    return base


def load_vae(model: str, revision: str | None) -> AutoencoderKL:
    """The base model's autoencoder alone, frozen, in single precision.

    Args:
        model: As in `load_base`.
        revision: As in `load_base`.

    Raises:
        ValueError: As in `load_base`.
    """
    with _one_sentence(model):
        vae = AutoencoderKL.from_pretrained(model, subfolder="vae", revision=revision, use_safetensors=True)
    vae.enable_slicing()
    return vae.requires_grad_(False)


@contextmanager
def _one_sentence(model: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the base model {model} cannot be loaded: it must be a folder or hub repository of Stable Diffusion 3; "
            "on the hub, accept its licence and log in with hf auth login"
        ) from error


def base_revision(base: StableDiffusion3Pipeline) -> str | None:
    """The commit that a base model was downloaded at; None for a folder."""
    folder = Path(base.config._name_or_path)
    return folder.name if folder.parent.name == "snapshots" else None


def widened(base: StableDiffusion3Pipeline, hyper_codec: HyperCodec) -> PerCoV2Pipeline:
    """The codec that a base model starts as: what the indices say is ignored until training changes that."""
    transformer = widen_input(base.transformer, hyper_codec.condition_channels)
    shared = {name: base.components[name] for name in _SHARED}
    return PerCoV2Pipeline(hyper_codec=hyper_codec, transformer=transformer, **shared)
