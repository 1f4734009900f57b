"""The identity of a model: a hash of what gives a stream its meaning."""

import hashlib
import json
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def fingerprint(components: Mapping[str, nn.Module], settings: Mapping[str, object]) -> str:
    """SHA-256, in hex, over all parameters and buffers and over settings that change what they mean.

    Args:
        components: Networks by name.
        settings: Values that JSON can hold, by name.
    """
    tensors = (
        (f"{name}.{key}", value)
        for name, component in sorted(components.items())
        for key, value in sorted(component.state_dict().items())
    )
    return fingerprint_tensors(tensors, settings)


def fingerprint_tensors(tensors: Iterable[tuple[str, Tensor]], settings: Mapping[str, object]) -> str:
    """SHA-256, in hex, over the names, shapes and values of tensors, in their order, and over settings.

    Weights stored in half precision have the same fingerprint whether they are read in half or single precision: real
    values are hashed in single precision.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in tensors:
        digest.update(f"{name}{tuple(value.shape)}".encode())
        values = value.detach().to("cpu", torch.float32 if value.is_floating_point() else value.dtype)
        digest.update(values.contiguous().numpy())
    return digest.hexdigest()
