"""Read sizes and names from the safetensors files of a model folder, without loading the weights."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from percov2_demo.errors import ModelError


STEMS = ("diffusion_pytorch_model", "model")
"""What diffusers and transformers call the files of a component."""

_REMEDY = "fetch the model again"

_FLOATS = ("F64", "F32", "F16", "BF16")
_INTEGER_BYTES = {"I64": 8, "I32": 4, "I16": 2}


@dataclass(frozen=True)
class Size:
    """What a component holds.

    Args:
        floats: Real numbers, whose precision is chosen at loading.
        integers: All other numbers, which are loaded as they are stored.
        integer_bytes: Bytes of those.
    """

    floats: int
    integers: int = 0
    integer_bytes: int = 0

    def bytes(self, per_float: int) -> int:
        """Return the bytes in memory where a real number takes `per_float`."""
        return self.floats * per_float + self.integer_bytes


def tensor_files(folder: Path) -> dict[str, Path]:
    """Return the file of each tensor of a component, by the tensor's name; empty for one without weights.

    Args:
        folder: The component's folder, in the layout of diffusers and transformers.

    Raises:
        ModelError: A file is missing or cannot be read.
    """
    for stem in STEMS:
        index = folder / f"{stem}.safetensors.index.json"
        if index.is_file():
            try:
                shards = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise ModelError(_damaged(index)) from None
            # Only the last part of a name in the index is used: an index must not point to another folder.
            return {name: path for shard in shards for name, path in _names(folder / Path(shard).name).items()}
        if (folder / f"{stem}.safetensors").is_file():
            return _names(folder / f"{stem}.safetensors")
    return {}


def component_size(folder: Path) -> Size:
    """Read the size of a component from the headers of its files.

    Raises:
        ModelError: A file is missing or cannot be read.
    """
    floats, integers, integer_bytes = 0, 0, 0
    for path in sorted(set(tensor_files(folder).values())):
        with safe_open(path, "numpy") as file:
            for name in file.offset_keys():
                part = file.get_slice(name)
                count = prod(part.get_shape())
                if part.get_dtype() in _FLOATS:
                    floats += count
                else:
                    integers += count
                    integer_bytes += count * _INTEGER_BYTES.get(part.get_dtype(), 1)
    return Size(floats, integers, integer_bytes)


def component_sizes(folder: Path, leave_out: Collection[str] = ()) -> dict[str, Size]:
    """Read the sizes of all components of a model folder that have weights, by name.

    Args:
        folder: The model's folder.
        leave_out: Components that are not needed.

    Raises:
        ModelError: A file is missing or cannot be read.
    """
    sizes = {}
    for part in sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in leave_out):
        size = component_size(part)
        if size != Size(0):
            sizes[part.name] = size
        elif (part / "config.json").is_file():
            raise ModelError(f"the model has no safetensors weights of its {part.name}: {_REMEDY}")
    return sizes


def _names(path: Path) -> dict[str, Path]:
    if not path.is_file():
        raise ModelError(f"the model's file {path.parent.name}/{path.name} is missing: {_REMEDY}")
    try:
        with safe_open(path, "numpy") as file:
            return dict.fromkeys(file.offset_keys(), path)
    except (SafetensorError, OSError):
        raise ModelError(_damaged(path)) from None


def _damaged(path: Path) -> str:
    return f"the model's file {path.parent.name}/{path.name} is damaged or cut short: {_REMEDY}"
