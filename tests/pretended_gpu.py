"""A graphics card that is not there: what is brought to it stays in main memory, but behaves as if it were there."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree

from percov2_demo.pipelines.base import CodecPipeline


CPU, GPU = torch.device("cpu"), torch.device("cuda:0")

_NAMING = (torch.device, torch._C._nn._parse_to)
"""Functions that take a device's name, but bring nothing there."""

_MIXING = (Tensor.to, Tensor.copy_, Tensor.__getitem__, torch._has_compatible_shallow_copy_type)
"""Functions that take tensors of several devices."""


class PretendedGPU(TorchFunctionMode):
    """While it lasts, tensors can be brought to `GPU`, compute there with each other alone, and be brought back."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function in _NAMING:
            return function(*args, **kwargs)
        if function == Tensor.device.__get__:
            return device_of(args[0])
        if function == Tensor.data.__set__:
            args[0].is_on_gpu = device_of(args[1]) == GPU
            return function(*args)
        leaves = [*_leaves(args), *_leaves(kwargs)]
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        devices = _check_devices(function, tensors)
        named = [torch.device(leaf) for leaf in leaves if _names_device(leaf)]
        if named:
            args, kwargs = _on_cpu(args), _on_cpu(kwargs)
        result = function(*args, **kwargs)
        if not isinstance(result, Tensor | list | tuple):
            return result
        targets = [CPU] if function == Tensor.cpu else named
        if function == Tensor.to:
            targets += [device_of(other) for other in tensors[1:]]

        def bring(tensor: Tensor) -> Tensor:
            if any(tensor is given for given in tensors):
                if not targets or targets[0] == device_of(tensor):
                    return tensor
                tensor = tensor.clone()
            tensor.is_on_gpu = GPU in (targets or devices)
            return tensor

        return bring(result) if isinstance(result, Tensor) else _pytree.tree_map_only(Tensor, bring, result)


def device_of(tensor: Tensor) -> torch.device:
    """Where a tensor is, or is pretended to be."""
    return GPU if getattr(tensor, "is_on_gpu", False) else CPU


def on_gpu(pipeline: CodecPipeline) -> set[str]:
    """Names of the parts that are on the GPU."""
    return {
        name
        for name, part in pipeline.networks.items()
        if any(device_of(value) == GPU for value in chain(part.parameters(), part.buffers()))
    }


def _check_devices(function: Callable[..., Any], tensors: list[Tensor]) -> set[torch.device]:
    """Return the devices of a function's tensors, after the refusals of a real one."""
    # A single number may come from elsewhere.
    devices = {device_of(tensor) for tensor in [each for each in tensors if each.ndim] or tensors}
    if function == Tensor.numpy and GPU in devices:
        raise TypeError("a tensor on the GPU has no numpy array")
    if len(devices) > 1 and function not in _MIXING:
        raise RuntimeError(f"{function} was given tensors of two devices")
    return devices


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, dict):
        yield from _leaves([*value.values()])
    else:
        yield value


def _names_device(value: object) -> bool:
    return value in (str(CPU), str(GPU)) if isinstance(value, str) else isinstance(value, torch.device)


def _on_cpu(arguments: Any) -> Any:
    return _pytree.tree_map(lambda value: CPU if _names_device(value) else value, arguments)
