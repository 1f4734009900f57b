"""Keep a run the same on any number of processes: which samples are whose, and random numbers by sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from percov2_demo.errors import InputError


Samples = TypeVar("Samples", Tensor, list)


@dataclass(frozen=True)
class Share:
    """Every `count`-th sample of a global batch, from `number` on.

    Samples that stand in groups, as those of a preset do, are so shared out evenly within each group.

    Args:
        number: Number of the share.
        count: Shares that a batch has: processes times steps of gradient accumulation.
    """

    number: int = 0
    count: int = 1

    def numbers(self, batch_size: int, groups: int = 1) -> range:
        """Return the samples' numbers in the global batch.

        Raises:
            InputError: The batch cannot be shared out evenly, in each of its groups.
        """
        if self.count > 1 and batch_size % (groups * self.count):
            raise InputError(
                f"a batch of {batch_size} samples cannot be shared out among {self.count} processes and accumulation "
                f"steps: make its size a multiple of {groups * self.count}"
            )
        return range(self.number, batch_size, self.count)

    def take(self, samples: Samples, groups: int = 1) -> Samples:
        """Take the share of a tensor or list of the global batch's samples."""
        self.numbers(len(samples), groups)
        return samples[self.number :: self.count]


class Draws:
    """Random numbers of a share's samples, which depend on seed, step and a sample's number in its batch alone.

    They are drawn on the CPU, so that every kind of device gets the same. A sample's numbers go on from one call to
    the next.

    Args:
        seed: Seed of the run.
        step: Step of the run.
        share: The samples that numbers are wanted for, position by position.
    """

    def __init__(self, seed: int, step: int, share: Share | None = None):
        self.seed, self.step, self.share = seed, step, share or Share()
        self._generators: list[torch.Generator] = []

    def generators(self, count: int) -> Sequence[torch.Generator]:
        """Return the generators of the share's first `count` samples."""
        for position in range(len(self._generators), count):
            number = self.share.number + self.share.count * position
            state = np.random.SeedSequence((self.seed, self.step, number)).generate_state(2)
            self._generators.append(torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1])))
        return self._generators[:count]

    def normal(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """Draw standard normal numbers in `shape`, the samples along the first dimension."""
        drawn = [torch.randn(*shape[1:], generator=generator) for generator in self.generators(shape[0])]
        return torch.stack(drawn).to(device)

    def uniform(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """Draw numbers from [0, 1) in `shape`, the samples along the first dimension."""
        drawn = [torch.rand(*shape[1:], generator=generator) for generator in self.generators(shape[0])]
        return torch.stack(drawn).to(device)
