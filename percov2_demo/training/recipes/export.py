"""Export the results of all stages as one pipeline, and as a folder in half precision with a manifest."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from diffusers import ConfigMixin, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from transformers import AutoTokenizer, CLIPTextModelWithProjection, VisionEncoderDecoderModel
from typing_extensions import TypedDict

from percov2_demo.checkpoints.folders import model_folder
from percov2_demo.checkpoints.schema import MANIFEST_FILE, read_json
from percov2_demo.data.shards import Photo
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.errors import InputError
from percov2_demo.files.atomic import write_text
from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.positions import crop_positions
from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.presets import get_preset
from percov2_demo.training.measures.strength import read_strengths
from percov2_demo.training.stage_names import TIMED_STAGES


SHARD_SIZE = "10MB"

EARLIER = "earlier.json"
"""File beside a stage's state: steps and seconds of the model that it went on from."""


class _Manifest(TypedDict):
    training: dict[str, dict[str, float]]


_FOLDERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "vae": (PatchAutoencoder, ("painter/vae", "autoencoder/model")),
    "hyper_codec": (HyperCodec, ("painter/hyper_codec", "flow/hyper_codec")),
    "transformer": (SD3Transformer2DModel, ("painter/transformer", "edits/transformer", "flow/transformer")),
    "text_encoder": (
        CLIPTextModelWithProjection,
        ("painter/text_encoder", "edits/text_encoder", "flow/text_encoder"),
    ),
    "tokenizer": (AutoTokenizer, ("tokenizer/model",)),
}
"""Class of each part, and where the stages leave it in a work folder: the last stage's first."""


def trained_parts(work: Path) -> dict[str, Any]:
    """Load the parts of a pipeline that a work folder holds, by name."""
    parts = {}
    for name, (kind, folders) in _FOLDERS.items():
        found = next((work / folder for folder in folders if (work / folder).is_dir()), None)
        if found is not None:
            parts[name] = kind.from_pretrained(found)
    return parts


def assemble(config: dict[str, Any], work: Path, base: str | None = None) -> PerCoV2Pipeline:
    """Assemble the pipeline that the stages made, with entropy models, captioner and default strengths if any.

    Args:
        config: The training config.
        work: Folder with the results of the stages.
        base: Model folder or hub id whose parts are used where `work` has none.

    Raises:
        InputError: A part is missing.
    """
    parts = trained_parts(work)
    if base is not None:
        pipeline = PerCoV2Pipeline.from_pretrained(base)
        pipeline.register_modules(**parts)
        pipeline.register_to_config(identity=None)
    elif missing := ", ".join(name for name in _FOLDERS if name not in parts):
        raise InputError(f"there is no trained {missing}: run the stages that make them, or name a model")
    else:
        scheduler = FlowMatchEulerDiscreteScheduler(**config["flow"]["scheduler"])
        pipeline = PerCoV2Pipeline(scheduler=scheduler, prediction_type=config["flow"]["prediction_type"], **parts)
        pipeline.register_to_config(description=config["description"])
    if (guidance := config["export"].get("default_guidance")) is not None:
        pipeline.register_to_config(default_guidance=guidance)
    if (strengths := read_strengths(work / "strength")) is not None:
        pipeline.register_to_config(default_strength=strengths)
    _add_entropy_models(pipeline, config, work)
    _add_scale_model(pipeline, work)
    _add_captioner(pipeline, work)
    return pipeline


def export(config: dict[str, Any], photos: list[Photo], work: Path, out: Path, base: str | None = None) -> None:
    """Write the trained model to `out`, in half precision and with a manifest.

    Args:
        config: The training config.
        photos: The photos it was trained on, for the manifest.
        work: Folder with the results of the stages.
        out: The model folder to write.
        base: Model folder or hub id whose parts are used where `work` has none.

    Raises:
        InputError: There is no such model, or it has no manifest that can be read; or a part is missing.
    """
    pipeline = assemble(config, work, base)
    earlier = {} if base is None else _training_of(base)
    size = config["export"]["pos_embed_max_size"]
    if size < pipeline.transformer.config.pos_embed_max_size:
        pipeline.register_modules(transformer=crop_positions(pipeline.transformer, size))
    for part in pipeline.networks.values():
        if isinstance(part, ConfigMixin):
            # Do not publish local paths.
            part.register_to_config(_name_or_path="")
    pipeline.register_to_config(_name_or_path="")
    pipeline.to(torch.float16, silence_dtype_warnings=True)
    pipeline.save_pretrained(out, max_shard_size=SHARD_SIZE)
    write_manifest(pipeline, Counter(photo.source for photo in photos), work, out, earlier=earlier)


def write_manifest(
    pipeline: PerCoV2Pipeline,
    sources: Counter[str],
    work: Path,
    out: Path,
    more: dict[str, Any] | None = None,
    earlier: dict[str, Any] | None = None,
) -> None:
    """Write down what a model is and what it was trained on.

    Args:
        pipeline: The model, saved.
        sources: How many photos of each source it was trained on.
        work: Folder with the results of the stages.
        out: The model folder.
        more: Further entries.
        earlier: States of stages whose results the model had before.
    """
    manifest = _manifest(pipeline, sources, (earlier or {}) | _training_states(work)) | (more or {})
    write_text(out / MANIFEST_FILE, json.dumps(manifest, indent=2) + "\n")


def note_earlier_training(folder: Path, base: str | None) -> None:
    """Write down how long a named model was trained in the stage that now goes on from it; export adds that.

    Args:
        folder: The stage's folder in a work folder.
        base: Model folder or hub id that the stage goes on from, if it does.
    """
    earlier = {} if base is None else _training_of(base).get(folder.name, {})
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / EARLIER, json.dumps(earlier))


def _training_of(base: str) -> dict[str, dict[str, float]]:
    """Return steps and seconds of each stage of a model.

    Raises:
        InputError: There is no such model, or it has no manifest, or one that is damaged.
    """
    manifest = model_folder(base) / MANIFEST_FILE
    if not manifest.is_file():
        raise InputError("the model to go on from has no manifest.json: export it again")
    return read_json(manifest, shape=_Manifest)["training"]


def _add_entropy_models(pipeline: PerCoV2Pipeline, config: dict[str, Any], work: Path) -> None:
    masked_model, caption_model = (work / stage / "model" for stage in ("entropy", "caption-coder"))
    if masked_model.is_dir() and caption_model.is_dir():
        pipeline.register_modules(
            masked_model=MaskedModel.from_pretrained(masked_model),
            caption_model=CaptionModel.from_pretrained(caption_model),
        )
        pipeline.register_to_config(default_entropy=config["export"]["default_entropy"])


def _add_scale_model(pipeline: PerCoV2Pipeline, work: Path) -> None:
    folder = work / "scales" / "model"
    if folder.is_dir():
        pipeline.register_modules(scale_model=ScaleModel.from_pretrained(folder))


def _add_captioner(pipeline: PerCoV2Pipeline, work: Path) -> None:
    folder = work / "captioner" / "model"
    if folder.is_dir():
        pipeline.register_modules(captioner=VisionEncoderDecoderModel.from_pretrained(folder))


def _training_states(work: Path) -> dict[str, dict[str, float]]:
    """Return steps and seconds of a work folder's stages, with those of the models that they went on from."""
    folders = [work / stage for stage in TIMED_STAGES]
    states = {}
    for folder in (folder for folder in folders if (folder / "state.json").is_file()):
        parts = [json.loads(path.read_text()) for name in ("state.json", EARLIER) if (path := folder / name).is_file()]
        states[folder.name] = {key: round(sum(part.get(key, 0) for part in parts), 1) for key in parts[0]}
    return states


def _count(part: torch.nn.Module) -> int:
    """Count the trained numbers of a network; integers are buffers."""
    parameters = dict(part.named_parameters())
    state = part.state_dict()
    return sum(value.numel() for name, value in state.items() if name in parameters or not value.is_floating_point())


def _manifest(pipeline: PerCoV2Pipeline, sources: Counter[str], training: dict[str, Any]) -> dict[str, Any]:
    return {
        "identity": pipeline.identity,
        "presets": {
            preset: {"grid_at_512": get_preset(preset).grid(512, 512), "codebook": get_preset(preset).codebook_size}
            for preset in pipeline.presets
        },
        "parameters": {name: _count(part) for name, part in pipeline.networks.items()},
        "training": training,
        "photos": sources.total(),
        "sources": dict(sources.most_common()),
        "date": datetime.now(UTC).date().isoformat(),
    }
