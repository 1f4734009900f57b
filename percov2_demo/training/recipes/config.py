"""Read the config files of recipes, and check what they hold.

The settings of a section are the arguments of what takes them, with the types that it gives them.
"""

import json
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.errors import InputError
from percov2_demo.models.autoencoder import PatchAutoencoder
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.training.data.crops import PhotoBatches
from percov2_demo.training.data.indices import encode_indices
from percov2_demo.training.data.pictures import PictureBatches
from percov2_demo.training.loop import LoopConfig
from percov2_demo.training.objectives.edits import EditObjective
from percov2_demo.training.objectives.joint import JointConfig, JointObjective
from percov2_demo.training.objectives.masked import EntropyConfig
from percov2_demo.training.objectives.painter import PainterObjective
from percov2_demo.training.objectives.scales import ScalesConfig
from percov2_demo.training.stage_names import TIMED_STAGES


Shape = type[BaseModel]


def read_config(path: Path) -> dict[str, Any]:
    """Read a training config from a JSON file, completed by the file beside it that it `extends`, if any.

    Raises:
        InputError: A file cannot be read, or holds no JSON object; or a setting is missing, unknown or of another
            type.
    """
    config = _merged(path)
    try:
        # As JSON, where a list is allowed for a tuple but a text is not allowed for a number.
        _CONFIG.model_validate_json(json.dumps(config))
    except ValidationError as error:
        raise InputError(f"{path.name}{_complaint(error)}") from None
    return config


def _settings(taker: Callable[..., Any], *others: str, **parts: Shape) -> Shape:
    """Describe the settings that `taker` takes as arguments, but for the `others`, which are no settings.

    Args:
        taker: A class or function.
        *others: Arguments that do not come from the config.
        **parts: What is known of arguments that are sections themselves.
    """
    arguments = {name: argument for name, argument in signature(taker).parameters.items() if name not in others}
    fields: dict[str, Any] = {
        name: (parts.get(name, argument.annotation), ... if argument.default is Parameter.empty else argument.default)
        for name, argument in arguments.items()
    }
    return create_model(taker.__name__, __config__=ConfigDict(strict=True, extra="forbid"), **fields)


def _section(**parts: Any) -> Shape:
    """Describe a section that must have `parts`, and may have anything else."""
    fields: dict[str, Any] = {name: (part, ...) for name, part in parts.items()}
    return create_model("Section", __config__=ConfigDict(strict=True, extra="allow"), **fields)


_LOOP = _settings(LoopConfig)

_SECTIONS = {stage: _section(loop=_LOOP) for stage in TIMED_STAGES} | {
    "photos": _settings(PhotoBatches, "photos", "groups", "seed", "share"),
    "autoencoder": _section(model=_settings(PatchAutoencoder), loop=_LOOP),
    "hyper": _section(model=_settings(HyperCodec), loop=_LOOP),
    "joint": _settings(
        JointConfig,
        objective=_settings(JointObjective, "transformer", "hyper_codec", "shift", "perceptual"),
        loop=_LOOP,
    ),
    "edits": _section(
        batches=_settings(PictureBatches, "photos", "seed"),
        objective=_settings(EditObjective, "flow", "autoencoder"),
        loop=_LOOP,
    ),
    "painter": _section(
        batches=_settings(PictureBatches, "photos", "seed"),
        objective=_settings(PainterObjective, "flow", "autoencoder", "deep"),
        loop=_LOOP,
    ),
    "indices": _settings(
        encode_indices, "photos", "numbers", "vae", "hyper_codec", "encoder", "path", "seed", "device"
    ),
    "entropy": _settings(EntropyConfig, model=_settings(MaskedModel, "presets"), loop=_LOOP),
    "scales": _settings(
        ScalesConfig,
        model=_settings(ScaleModel, "presets", "vocabulary_size", "padding"),
        pictures=_settings(PictureBatches, "photos", "seed"),
        loop=_LOOP,
    ),
    "caption-coder": _section(model=_settings(CaptionModel, "merges"), loop=_LOOP),
}

_OPTIONAL: dict[str, Any] = {name: (shape, None) for name, shape in _SECTIONS.items()}

_CONFIG = create_model("Config", __base__=_section(seed=int), **_OPTIONAL)


def _merged(path: Path, *extending: Path) -> dict[str, Any]:
    if path in extending:
        raise InputError(f"{path.name} extends itself: name another file, or none")
    try:
        config = json.loads(path.read_text("utf-8"))
    except OSError:
        raise InputError(f"{path.name} cannot be read: give a config file that is there") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is no text in UTF-8: give a JSON file") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path.name} is no JSON from line {error.lineno} on: correct it there") from None
    if not isinstance(config, dict):
        raise InputError(f"{path.name} holds no JSON object")
    extended = config.pop("extends", None)
    if extended is None:
        return config
    if not isinstance(extended, str):
        raise InputError(f"{path.name}: extends is no name of a file")
    return _merged(path.parent / extended, path, *extending) | config


def _complaint(error: ValidationError) -> str:
    """Say in one line what is wrong first, and where; a name that is unknown may be why another one is missing."""
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    *sections, name = first["loc"]
    place = f": {'.'.join(map(str, sections))}" if sections else ""
    match first["type"]:
        case "extra_forbidden":
            shape: Any = _CONFIG
            for section in sections:
                shape = shape.model_fields[section].annotation
            return f"{place} takes no {name}: its settings are {', '.join(shape.model_fields)}"
        case "missing" if isinstance(name, str):
            return f"{place} lacks {name}"
        case "model_type":
            return f": {'.'.join(map(str, first['loc']))} is no JSON object"
    return f": {'.'.join(map(str, first['loc']))} is not as it must be ({first['msg']})"
