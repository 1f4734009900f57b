"""Store encoded photos in files that remember the networks that encoded them."""

from pathlib import Path

from diffusers import ModelMixin
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from percov2_demo.checkpoints.fingerprint import fingerprint
from percov2_demo.files.atomic import atomic_path
from percov2_demo.models.hyper_codec import HyperCodec


_ENCODER = ("analysis", "encoder", "quant_conv")
"""What encodes in a `PatchAutoencoder` or an `AutoencoderKL`; decoders may be trained further."""


def encoder_fingerprint(vae: ModelMixin, hyper_codec: HyperCodec | None = None) -> str:
    """Hash what turns photos into scaled latents, or these into indices where a hyper-codec is given."""
    parts = {name: part for name in _ENCODER if (part := getattr(vae, name, None)) is not None}
    if hyper_codec is not None:
        parts |= {"hyper_encoders": hyper_codec.encoders, "quantizers": hyper_codec.quantizers}
    settings = {name: vae.config[name] for name in ("shift_factor", "scaling_factor")}
    return fingerprint(parts, settings)


def save_encoded(path: Path, tensors: dict[str, Tensor], encoder: str, **notes: str) -> None:
    """Write encoded photos as one safetensors file, which is there as a whole or not at all.

    Args:
        path: The file; its folder is made.
        tensors: The encoded photos.
        encoder: The `encoder_fingerprint`; goes into the file's metadata.
        **notes: What else goes there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={"encoder": encoder, **notes})


def is_encoded(path: Path, encoder: str) -> bool:
    """Return whether a file of encoded photos is there and of this encoder, so that it need not be made again."""
    if not path.is_file():
        return False
    with safe_open(path, "pt") as file:
        return (file.metadata() or {}).get("encoder") == encoder
