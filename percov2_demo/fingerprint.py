"""The identity of a model: a hash of what gives a stream its meaning."""

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import nn


def fingerprint(components: Mapping[str, nn.Module], settings: Mapping[str, object]) -> str:
    """SHA-256, in hex, over all parameters and buffers and over settings that change what they mean.

    Weights stored in half precision have the same fingerprint whether they are read in half or single precision.

    Args:
        components: Networks by name; the names, shapes and values of their tensors are hashed, real ones
            in single precision.
        settings: Values that JSON can hold, by name.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, component in sorted(components.items()):
        for key, value in sorted(component.state_dict().items()):
            digest.update(f"{name}.{key}{tuple(value.shape)}".encode())
            values = value.detach().to("cpu", torch.float32 if value.is_floating_point() else value.dtype)
            digest.update(values.contiguous().numpy())
    return digest.hexdigest()
