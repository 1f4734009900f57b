"""The results of all stages as one pipeline, and as a folder in half precision with a manifest."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from transformers import AutoTokenizer, CLIPTextModelWithProjection

from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.models.hyper_codec import HyperCodec
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


def export(config: dict[str, Any], photos: list[Photo], work: Path, out: Path) -> None:
    """Writes the trained model to `out`.

    Args:
        config: The training config.
        photos: The photos it was trained on, for the manifest.
        work: Folder with the results of all stages.
        out: The model folder to write.
    """
    pipeline = assemble(config, work, read_strengths(work / "strength"))
    for part in (pipeline.vae, pipeline.hyper_codec, pipeline.transformer):
        # Where a part was read from is nobody's business.
        part.register_to_config(_name_or_path="")
    pipeline.to(torch.float16, silence_dtype_warnings=True)
    pipeline.save_pretrained(out, max_shard_size=SHARD_SIZE)
    (out / "manifest.json").write_text(json.dumps(_manifest(pipeline, photos, work), indent=2) + "\n")


def _manifest(pipeline: PerCoV2Pipeline, photos: list[Photo], work: Path) -> dict[str, Any]:
    return {
        "identity": pipeline.identity,
        "presets": {
            preset: {"grid_at_512": get_preset(preset).grid(512, 512), "codebook": get_preset(preset).codebook_size}
            for preset in pipeline.presets
        },
        "parameters": {
            name: sum(value.numel() for value in part.parameters()) for name, part in pipeline.networks.items()
        },
        "training": {
            stage: json.loads((work / stage / "state.json").read_text()) for stage in ("autoencoder", "hyper", "flow")
        },
        "photos": len(photos),
        "sources": dict(Counter(photo.source for photo in photos).most_common()),
        "date": datetime.now(UTC).date().isoformat(),
    }
