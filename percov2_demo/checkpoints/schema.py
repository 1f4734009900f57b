"""Read the JSON files of model folders, and check what they must hold."""

import json
from pathlib import Path
from types import UnionType
from typing import Any

from percov2_demo.errors import ModelError


MODEL_FILE, ADAPTER_FILE, MANIFEST_FILE = "model_index.json", "adapter.json", "manifest.json"
"""What a folder with a complete model has, what one with an adapter has, and what both may have."""

NUMBER = int | float

Shape = type | UnionType | tuple["Shape", ...] | list["Shape"] | dict[str | type, "Shape"]
"""What a value must be: of a type; one of several shapes; a list of one; an object with names, or with any names
where the only one is `str`, and a shape for each. What is not there is None.
"""


def read_json(path: Path, *required: str, shape: Shape = dict, name: str | None = None) -> dict[str, Any]:
    """Read the object in a model's JSON file.

    Args:
        path: The file.
        *required: Names that the object must have, whatever they stand for.
        shape: What it must be.
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


def check_shape(content: Any, shape: Shape, name: str) -> None:
    """Refuse what is in a model's JSON file where it is not what it must be.

    Raises:
        ModelError: It is not; the file is called `name`.
    """
    if not _has_shape(content, shape):
        raise ModelError(f"the model's file {name} is damaged: fetch the model again")


def _has_shape(value: Any, shape: Shape) -> bool:
    if isinstance(shape, tuple):
        return any(_has_shape(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(_has_shape(part, shape[0]) for part in value)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return False
        if str in shape:
            return all(_has_shape(part, shape[str]) for part in value.values())
        return all(_has_shape(value.get(name), part) for name, part in shape.items())
    # In Python truth values are numbers.
    return isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
