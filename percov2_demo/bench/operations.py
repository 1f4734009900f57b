"""Time a network's operations: attention, matrix products and the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from percov2_demo.bench.turns import Span, measure_span


ATTENTION, PRODUCTS, REST = KINDS = ("attention", "products", "rest")


@dataclass
class Work:
    """Number, operations and seconds of operations of one kind.

    Attributes:
        span: Their time.
        operations: Additions and multiplications; not counted of the rest.
    """

    span: Span = field(default_factory=lambda: Span(0.0, 0.0))
    operations: int = 0


class OperationTimes(TorchDispatchMode):
    """Context manager that times every operation of torch, and waits for each on a GPU.

    Args:
        device: Where they work.
    """

    def __init__(self, device: torch.device):
        super().__init__()
        self.work = {kind: Work() for kind in KINDS}
        self._device = device

    def __torch_dispatch__(
        self, func: Any, types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        is_attention = "scaled_dot_product" in str(func)
        if not is_attention and func.overloadpacket not in flop_registry:
            # Some operations are made of others, one of which may be a product.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        results = []
        span = measure_span(lambda: results.append(func(*args, **kwargs)), self._device)
        kind, operations = REST, 0
        if is_attention:
            kind, operations = ATTENTION, sdpa_flop_count(*(tensor.shape for tensor in args[:3]))
        elif func.overloadpacket in flop_registry:
            kind = PRODUCTS
            operations = flop_registry[func.overloadpacket](*args, **kwargs, out_val=results[0])
        self.work[kind].span += span
        self.work[kind].operations += operations
        return results[0]
