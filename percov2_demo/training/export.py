"""The results of all stages as one pipeline, and as a folder in half precision with a manifest."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from diffusers import ConfigMixin, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from transformers import AutoTokenizer, CLIPTextModelWithProjection

from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.loading import model_folder
from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.positions import crop_positions
from percov2_demo.pipeline import PerCoV2Pipeline
from percov2_demo.presets import get_preset
from percov2_demo.training.data import Photo
from percov2_demo.training.strength import read_strengths


SHARD_SIZE = "10MB"


def assemble(config: dict[str, Any], work: Path, default_strength: dict[str, float]) -> PerCoV2Pipeline:
    """The pipeline that the stages made.

    Args:
        config: The training config.
        work: Folder with the results of the stages.
        default_strength: The strength to use for each preset.
    """
    return PerCoV2Pipeline(
        vae=PatchAutoencoder.from_pretrained(work / "autoencoder" / "model"),
        hyper_codec=HyperCodec.from_pretrained(work / "flow" / "hyper_codec"),
        transformer=SD3Transformer2DModel.from_pretrained(work / "flow" / "transformer"),
        scheduler=FlowMatchEulerDiscreteScheduler(**config["flow"]["scheduler"]),
        text_encoder=CLIPTextModelWithProjection.from_pretrained(work / "flow" / "text_encoder"),
        tokenizer=AutoTokenizer.from_pretrained(work / "tokenizer" / "model"),
        prediction_type=config["flow"]["prediction_type"],
        default_strength=default_strength,
        description=config["description"],
    )


def export(config: dict[str, Any], photos: list[Photo], work: Path, out: Path, base: str | None = None) -> None:
    """Writes the trained model to `out`, with entropy models where they are trained.

    Args:
        config: The training config.
        photos: The photos it was trained on, for the manifest.
        work: Folder with the results of the stages.
        out: The model folder to write.
        base: Model folder or hub id that gets the entropy models; None for the model that the stages made.

    Raises:
        ValueError: There is no such model, or it has no manifest.
    """
    earlier: dict[str, Any] = {}
    if base is None:
        pipeline = assemble(config, work, read_strengths(work / "strength"))
    else:
        pipeline = PerCoV2Pipeline.from_pretrained(base)
        manifest = model_folder(base) / "manifest.json"
        if not manifest.is_file():
            raise ValueError("the model that gets the entropy models has no manifest.json: export it again")
        earlier = json.loads(manifest.read_text())["training"]
    _add_entropy_models(pipeline, config, work)
    size = config["export"]["pos_embed_max_size"]
    if size < pipeline.transformer.config.pos_embed_max_size:
        pipeline.register_modules(transformer=crop_positions(pipeline.transformer, size))
    for part in pipeline.networks.values():
        if isinstance(part, ConfigMixin):
            # Where a part was read from is nobody's business.
            part.register_to_config(_name_or_path="")
    pipeline.to(torch.float16, silence_dtype_warnings=True)
    pipeline.save_pretrained(out, max_shard_size=SHARD_SIZE)
    manifest = _manifest(pipeline, photos, earlier | _training_states(work))
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _add_entropy_models(pipeline: PerCoV2Pipeline, config: dict[str, Any], work: Path) -> None:
    masked_model, caption_model = (work / stage / "model" for stage in ("entropy", "caption-coder"))
    if masked_model.is_dir() and caption_model.is_dir():
        pipeline.register_modules(
            masked_model=MaskedModel.from_pretrained(masked_model),
            caption_model=CaptionModel.from_pretrained(caption_model),
        )
        pipeline.register_to_config(default_entropy=config["export"]["default_entropy"])


def _training_states(work: Path) -> dict[str, Any]:
    paths = [work / stage / "state.json" for stage in ("autoencoder", "hyper", "flow", "entropy", "caption-coder")]
    return {path.parent.name: json.loads(path.read_text()) for path in paths if path.is_file()}


def _count(part: torch.nn.Module) -> int:
    """Trained numbers of a network; those of an integer network are buffers."""
    return sum(map(torch.numel, part.parameters())) or sum(map(torch.numel, part.buffers()))


def _manifest(pipeline: PerCoV2Pipeline, photos: list[Photo], training: dict[str, Any]) -> dict[str, Any]:
    return {
        "identity": pipeline.identity,
        "presets": {
            preset: {"grid_at_512": get_preset(preset).grid(512, 512), "codebook": get_preset(preset).codebook_size}
            for preset in pipeline.presets
        },
        "parameters": {name: _count(part) for name, part in pipeline.networks.items()},
        "training": training,
        "photos": len(photos),
        "sources": dict(Counter(photo.source for photo in photos).most_common()),
        "date": datetime.now(UTC).date().isoformat(),
    }
