"""The identity of a model: a hash of its parameters."""

import hashlib
from collections.abc import Mapping

import torch
from torch import nn


def fingerprint(components: Mapping[str, nn.Module]) -> str:
    """SHA-256, in hex, over the names, shapes and single-precision values of all parameters and buffers.

    Weights stored in half precision have the same fingerprint whether they are read in half or single precision.
    """
    digest = hashlib.sha256()
    for name, component in sorted(components.items()):
        for key, value in sorted(component.state_dict().items()):
            digest.update(f"{name}.{key}{tuple(value.shape)}".encode())
            digest.update(value.detach().to("cpu", torch.float32).contiguous().numpy())
    return digest.hexdigest()
