"""The identity of a model: a hash of what gives a stream its meaning."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn


def fingerprint(components: Mapping[str, nn.Module], settings: Mapping[str, object]) -> str:
    """Hash all parameters and buffers and the settings that change what they mean: SHA-256 in hexadecimal digits.

    Weights stored in half precision have the same fingerprint whether they are read in half or single precision: real
    values are hashed in single precision.

    Args:
        components: Networks by name.
        settings: Values that JSON can hold, by name.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, component in sorted(components.items()):
        for key, value in sorted(component.state_dict().items()):
            digest.update(f"{name}.{key}{tuple(value.shape)}".encode())
            values = value.detach().to("cpu", torch.float32 if value.is_floating_point() else value.dtype)
            digest.update(values.contiguous().numpy())
    return digest.hexdigest()


def fingerprint_stored(tensors: Iterable[tuple[str, Tensor]], settings: Mapping[str, object]) -> str:
    """Hash names, types, shapes and digests of tensors, in their order, and settings: SHA-256 in hexadecimal digits.

    For weights of full size: nothing is converted, and several tensors are hashed at once.

    Args:
        tensors: Names and values as files hold them.
        settings: Values that JSON can hold, by name.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    with ThreadPoolExecutor() as pool:
        for described in pool.map(_describe, tensors):
            digest.update(described.encode())
    return digest.hexdigest()


def _describe(tensor: tuple[str, Tensor]) -> str:
    name, value = tensor
    content = value.contiguous().reshape(-1).view(torch.uint8).numpy()
    return f"{name} {value.dtype} {tuple(value.shape)} {hashlib.sha256(content).hexdigest()}\n"
