"""The published checkpoints of PerCo (SD), read in their own layout.

The repository Nikolai10/PerCo saves a pipeline folder (train_sd_perco.py) whose parts `unet` and `hyper_enc` are its
own classes. Names and shapes of their parameters follow from its sources and its libraries':

    hyper_enc   `backbone`, a sequence of convolutions, bottleneck blocks and CompressAI's attention blocks, and
                `quantizer`, vector_quantize_pytorch's `VectorQuantize` with cosine similarity
    unet        diffusers' U-Net with a second first convolution, `conv_in_extended`, in whose place the original
                `conv_in` is kept and not used

All other parts are Stable Diffusion 2.1's. Nothing is unpickled: weights that are not safetensors are read by
`torch.load` with `weights_only=True`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, ModelMixin, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Size, Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from percov2_demo.checkpoints.damage import damage_as_sentence
from percov2_demo.checkpoints.folders import find_folder
from percov2_demo.checkpoints.schema import read_json
from percov2_demo.errors import ModelError
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.pipelines.perco import PerCoPipeline
from percov2_demo.presets import NOMINAL_SIDE, PRESETS


_BASE_PARTS: dict[str, Callable[..., Any]] = {
    "vae": partial(AutoencoderKL.from_pretrained, use_safetensors=True),
    "text_encoder": partial(CLIPTextModel.from_pretrained, use_safetensors=True, dtype=torch.float32),
    "tokenizer": CLIPTokenizer.from_pretrained,
    "scheduler": partial(DDIMScheduler.from_pretrained, clip_sample=False, steps_offset=1),
}
"""Parts that are Stable Diffusion's own, and what reads them; the original pipeline sets both of the scheduler's
settings whatever its config says.
"""

_QUANTIZER = {
    "project_in.weight": "project_in.weight",
    "project_in.bias": "project_in.bias",
    "project_out.weight": "project_out.weight",
    "project_out.bias": "project_out.bias",
    "codebook": "_codebook.embed",
    "code_sums": "_codebook.embed_avg",
    "code_uses": "_codebook.cluster_size",
}
"""Our names of a quantiser's parameters, and theirs."""

_TRUNKS = {"value": "conv_a", "gate": "conv_b"}
"""Our names of the two trunks of an attention block, and theirs."""

_HYPER_CONFIG = ("in_channels", "N", "M", "codebook_dim", "cfg_ss", "cfg_cs")
"""What `hyper_enc/config.json` says: channels, and the grid and codebook of a 512x512 picture."""

_REPLACED = ("unet", "safety_checker", "feature_extractor", "image_encoder")
"""Parts of Stable Diffusion 2.1 that no PerCo model takes from it."""

_MAX_NAMED = 3
"""Parameters that a complaint names."""

_UNIT_TOLERANCE = 1e-3


def read_perco_checkpoint(folder: str | Path, base: str | None = None) -> PerCoPipeline:
    """Read the model of a published checkpoint, in single precision.

    Args:
        folder: A folder with the parts `unet` and `hyper_enc`.
        base: Folder or hub id of Stable Diffusion 2.1, for parts that the folder does not have.

    Raises:
        ModelError: A part is missing or damaged, has other parameters than it must, or does not fit the others; or
            the base cannot be had.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(
            f"there is no folder {folder.name!r}: name the folder of the checkpoint, with unet and hyper_enc"
        )
    with damage_as_sentence(folder / "hyper_enc"):
        hyper_codec = _read_hyper_codec(folder / "hyper_enc")
    with damage_as_sentence(folder / "unet"):
        unet = _read_unet(folder / "unet", hyper_codec.condition_channels)
    base_parts = _read_base_parts(folder, base)
    _check_base_parts(hyper_codec, unet, base_parts)
    with damage_as_sentence(folder):
        (preset,) = hyper_codec.config.presets
        pipeline = PerCoPipeline(
            hyper_codec=hyper_codec,
            unet=unet,
            **base_parts,
            description=f"PerCo (SD) on Stable Diffusion 2.1, the published weights for {preset} "
            f"({PRESETS[preset].nominal_bpp:.4f} bpp): it paints what is likely, not what was there.",
        )
    if pipeline.prediction_type != "v_prediction":
        raise ModelError(
            f"the scheduler is for {pipeline.prediction_type}, but PerCo (SD) was trained with v_prediction: name "
            "Stable Diffusion 2.1 as the base, not the model that it was made of"
        )
    return pipeline


def published_hyper_encoder(hyper_codec: HyperCodec) -> dict[str, tuple[str | None, Size]]:
    """Return names and shapes of a published hyper-encoder's parameters, each with our name of it.

    Args:
        hyper_codec: A codec of one preset, whose hyper-encoder it would be; its parameters may be on the meta device.
    """
    (preset,) = hyper_codec.config.presets
    table: dict[str, tuple[str | None, Size]] = {"quantizer._codebook.initted": (None, Size([1]))}
    for name, value in hyper_codec.encoders[preset].state_dict().items():
        table[f"backbone.{_encoder_name(name)}"] = (f"encoders.{preset}.{name}", value.shape)
    for name, value in hyper_codec.quantizers[preset].state_dict().items():
        # A linear layer is a 1x1 convolution, and there is one codebook of possibly several.
        shape = value.shape[:2] if name.startswith("project") else Size([1, *value.shape])
        table[f"quantizer.{_QUANTIZER[name]}"] = (f"quantizers.{preset}.{name}", shape)
    return table


def published_unet(unet: UNet2DConditionModel, latent_channels: int) -> dict[str, tuple[str | None, Size]]:
    """Return names and shapes of a published U-Net's parameters, each with our name of it.

    Args:
        unet: The U-Net with the widened input that it would be; its parameters may be on the meta device.
        latent_channels: Channels of the latent, which the unused convolution takes.
    """
    table: dict[str, tuple[str | None, Size]] = {}
    for name, value in unet.state_dict().items():
        layer, _, parameter = name.partition(".")
        if layer != "conv_in":
            table[name] = (name, value.shape)
            continue
        table[f"conv_in_extended.{parameter}"] = (name, value.shape)
        unused = value[:, :latent_channels] if parameter == "weight" else value
        table[name] = (None, unused.shape)
    return table


def _encoder_name(name: str) -> str:
    """Return the published name of a parameter of our hyper-encoder."""
    layer, part, *rest = name.split(".")
    if part not in _TRUNKS:
        return name.replace("branch", "layers")
    # Their units hold the activation that follows, which is a layer of its own in ours.
    unit = int(rest[0]) // 2
    return ".".join([layer, _TRUNKS[part], str(unit), *rest[1:]]).replace("branch", "conv")


def _read_hyper_codec(folder: Path) -> HyperCodec:
    config = _read_config(folder, _HYPER_CONFIG)
    latent_channels, width, channels, code_channels, *grid_and_codebook = (config[name] for name in _HYPER_CONFIG)
    served = [
        name
        for name, preset in PRESETS.items()
        if [preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)[0], preset.codebook_size] == grid_and_codebook
    ]
    if not served:
        grid, codebook = grid_and_codebook
        raise ModelError(f"no preset has a grid of {grid} and a codebook of {codebook}, as hyper_enc/config.json says")
    settings = {
        "presets": tuple(served),
        "latent_channels": latent_channels,
        "encoder_width": width,
        "channels": channels,
        "code_channels": code_channels,
    }
    with torch.device("meta"):
        hyper_codec = HyperCodec(**settings)
    _load(hyper_codec, folder, published_hyper_encoder(hyper_codec))
    lengths = hyper_codec.quantizers[served[0]].codebook.norm(dim=-1)
    if not torch.allclose(lengths, torch.ones_like(lengths), atol=_UNIT_TOLERANCE):
        raise ModelError(
            "the code vectors of hyper_enc are not of unit length: it was not trained with cosine similarity"
        )
    return hyper_codec.eval()


def _read_unet(folder: Path, condition_channels: int) -> UNet2DConditionModel:
    config = _read_config(folder, ["in_channels"])
    latent_channels = config["in_channels"]
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(config | {"in_channels": latent_channels + condition_channels})
    _load(unet, folder, published_unet(unet, latent_channels))
    return unet.eval()


def _load(model: ModelMixin, folder: Path, table: Mapping[str, tuple[str | None, Size]]) -> None:
    """Give a model on the meta device the weights of a folder, after a look at all names and shapes."""
    state = _read_weights(folder)
    _check_layout({name: value.shape for name, value in state.items()}, table, folder.name)
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    renamed = {ours: state[theirs].float().view(shapes[ours]) for theirs, (ours, _) in table.items() if ours}
    model.load_state_dict(renamed, assign=True)


def _check_layout(found: Mapping[str, Size], table: Mapping[str, tuple[str | None, Size]], part: str) -> None:
    """Refuse parameters that are missing, unexpected or of another shape."""
    complaints = {
        "lacks": [name for name in table if name not in found],
        "has unexpectedly": [name for name in found if name not in table],
        "has in another shape": [
            f"{name} {tuple(found[name])} in place of {tuple(shape)}"
            for name, (_, shape) in table.items()
            if name in found and found[name] != shape
        ],
    }
    told = [f"{problem} {_some(names)}" for problem, names in complaints.items() if names]
    if told:
        raise ModelError(f"this is no published PerCo (SD) checkpoint: its {part} {', and '.join(told)}")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _read_config(folder: Path, fields: Sequence[str]) -> dict[str, Any]:
    """Read a part's config, in which the fields are whole numbers above 0."""
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(f"this is no published PerCo (SD) checkpoint: it has no {folder.name}/config.json")
    config = read_json(path, name=f"{folder.name}/config.json")
    # In Python truth values are numbers.
    wrong = [name for name in fields if type(config.get(name)) is not int or config[name] < 1]
    if wrong:
        raise ModelError(
            f"this is no published PerCo (SD) checkpoint: {folder.name}/config.json does not say {_some(wrong)}"
        )
    return config


def _read_weights(folder: Path) -> dict[str, Tensor]:
    path = folder / "diffusion_pytorch_model.safetensors"
    old = path.with_suffix(".bin")
    if not path.is_file() and not old.is_file():
        raise ModelError(f"this is no published PerCo (SD) checkpoint: it has no {folder.name}/{path.name}")
    try:
        return load_file(path) if path.is_file() else torch.load(old, map_location="cpu", weights_only=True)
    except Exception as error:  # Whatever is in the file: torch raises errors of several libraries.
        name = path.name if path.is_file() else old.name
        raise ModelError(f"{folder.name}/{name} is damaged, or holds more than tensors: it is not read") from error


def _read_base_parts(folder: Path, base: str | None) -> dict[str, Any]:
    """Read Stable Diffusion's own parts, of the checkpoint where it has them, else of the base."""
    missing = [name for name in _BASE_PARTS if not (folder / name).is_dir()]
    if missing and base is None:
        raise ModelError(
            f"the checkpoint has no {missing[0]}: name Stable Diffusion 2.1, a folder or a hub id, as the base"
        )
    below = find_folder(base, _REPLACED) if missing and base is not None else folder
    absent = [name for name in missing if not (below / name).is_dir()]
    if absent:
        raise ModelError(f"{below.resolve().name} has no {_some(absent)}: name Stable Diffusion 2.1 as the base")
    parts = {}
    for name, read in _BASE_PARTS.items():
        source = below if name in missing else folder
        with damage_as_sentence(source / name):
            parts[name] = read(source, subfolder=name)
    return parts


def _check_base_parts(hyper_codec: HyperCodec, unet: UNet2DConditionModel, parts: Mapping[str, Any]) -> None:
    """Refuse a base with parts of another model than the checkpoint was trained on."""
    expected = {
        "vae": ("latent channels", parts["vae"].config.latent_channels, hyper_codec.config.latent_channels),
        "text_encoder": ("channels", parts["text_encoder"].config.hidden_size, unet.config.cross_attention_dim),
    }
    for name, (unit, found, wanted) in expected.items():
        if found != wanted:
            raise ModelError(
                f"the {name} has {found} {unit}, but the checkpoint was trained with {wanted}: name Stable Diffusion "
                "2.1 as the base"
            )
