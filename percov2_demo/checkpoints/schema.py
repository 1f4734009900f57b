"""Read the JSON files of model folders, and check what they must hold."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from percov2_demo.errors import ModelError


MODEL_FILE, ADAPTER_FILE, MANIFEST_FILE = "model_index.json", "adapter.json", "manifest.json"
"""What a folder with a complete model has, what one with an adapter has, and what both may have."""


class Trained(TypedDict):
    """What a manifest says of a training stage."""

    step: float
    seconds: float


def read_json(path: Path, *required: str, shape: Any = dict[str, Any], name: str | None = None) -> dict[str, Any]:
    """Read the object in a model's JSON file.

    Args:
        path: The file.
        *required: Names that the object must have, whatever they stand for.
        shape: A `TypedDict` or other type of what the object must hold; it may hold more.
        name: What the file is called in a complaint, if not by the last part of its path.

    Raises:
        ModelError: The file is missing, or holds no such object.
    """
    name = name or path.name
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError:
        raise ModelError(f"the model's file {name} is missing: fetch the model again") from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not content.keys() >= set(required):
        content = None
    check_shape(content, shape, name)
    return content


def check_shape(content: Any, shape: Any, name: str) -> None:
    """Refuse what is in a model's JSON file where it is not what it must be.

    Raises:
        ModelError: It is not; the file is called `name`.
    """
    try:
        _adapter(shape).validate_python(content, strict=True)
    except ValidationError:
        raise ModelError(f"the model's file {name} is damaged: fetch the model again") from None


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
