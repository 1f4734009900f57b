"""Codebooks that move once a step of the optimiser, in however many parts the step's batch comes."""

import torch
import torch.distributed as dist
from torch import Tensor, nn

from percov2_demo.models.quantizer import VectorQuantizer


class SteppedQuantizer(VectorQuantizer):
    """A quantiser in training whose codebook stays as it is until `move`.

    Args:
        quantizer: The quantiser that it takes the place of, whose weights and codebook it shares.
    """

    def __init__(self, quantizer: VectorQuantizer):
        nn.Module.__init__(self)
        self.decay, self.dead_below = quantizer.decay, quantizer.dead_below
        self.project_in, self.project_out = quantizer.project_in, quantizer.project_out
        for name, buffer in quantizer.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.train(quantizer.training)
        self._seen: list[tuple[Tensor, Tensor]] = []

    def move(self) -> None:
        """Moves the codebook to all that was quantised since the last time, as to a single batch."""
        if self._seen:
            super()._follow(*(_whole_batch(parts) for parts in zip(*self._seen, strict=True)))
            self._seen.clear()

    def _follow(self, vectors: Tensor, indices: Tensor) -> None:
        self._seen.append((vectors, indices))


def step_codebooks(network: nn.Module) -> None:
    """Puts a `SteppedQuantizer` in the place of every quantiser inside a network."""
    for name, child in network.named_children():
        if isinstance(child, VectorQuantizer):
            setattr(network, name, SteppedQuantizer(child))
        else:
            step_codebooks(child)


def _whole_batch(parts: tuple[Tensor, ...]) -> Tensor:
    """Samples in the order of the global batch, of which each part has every so many of each process."""
    processes = dist.get_world_size() if dist.is_initialized() else 1
    return torch.stack([part.unflatten(0, (-1, processes)) for part in parts], dim=1).flatten(0, 2)
