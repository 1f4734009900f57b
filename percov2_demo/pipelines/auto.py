"""Load a model with the pipeline that it is for."""

from importlib import import_module
from pathlib import Path
from typing import Any

from percov2_demo.checkpoints.fetching import DOWNLOAD_OPTIONS
from percov2_demo.checkpoints.folders import PERCOV2, model_folder, pipeline_class
from percov2_demo.pipelines.base import CodecPipeline


_MODULES = {PERCOV2: "percov2", "PerCoPipeline": "perco"}
"""Modules by the class of their pipeline; each is imported when a model of the class is loaded."""


def load_pipeline(model: str | Path | None = None, **options: Any) -> CodecPipeline:
    """Load a complete model, or an adapter onto its base, with the pipeline that it is for.

    Args:
        model: Folder, or repository on the hub; None for the embedded model.
        **options: As for `CodecPipeline.from_pretrained`.

    Raises:
        ModelError: As from `CodecPipeline.from_pretrained`.
    """
    download = {name: options[name] for name in DOWNLOAD_OPTIONS if name in options}
    folder = model_folder(model, **download)
    name = pipeline_class(folder)
    module = import_module(f"percov2_demo.pipelines.{_MODULES[name]}")
    return getattr(module, name).from_pretrained(folder, **options)
