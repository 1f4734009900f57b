"""The walk that sender and receiver share: from a first prediction through the coded steps to the expected latent.

In the variance-exploding form `y = x / (1 - sigma) = latent + tau * noise` with `tau = sigma / (1 - sigma)`, a step
from one noise level to a lower one is, with `a = (tau_next / tau)^2`,

    y_next = a * y + (1 - a) * expected + tau_next * sqrt(1 - a) * noise

whatever the painter. The first coded step comes from infinite noise, so that its `expected` is what is known before.
The sender takes noise that leads from what is expected to the latent, and walks on as the receiver will.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from torch import Tensor

from percov2_demo.refinement.allocation import Allocation
from percov2_demo.refinement.blocks import Atoms, read_block, write_block
from percov2_demo.refinement.dictionary import Dictionary


Expectation = Callable[[Tensor, float], Tensor]
"""The latent that a painter expects: takes the point `(1 - sigma) * latent + sigma * noise` of rectified flow's path,
`(1, C, H, W)`, and its noise level; gives the expected latent, `(1, C, H, W)`."""


def refine(
    latent: Tensor, first: Tensor, expect: Expectation, allocation: Allocation
) -> Iterator[tuple[bytes, Tensor]]:
    """Yield what the sender sends, step by step: a block, and the latent that is expected with it.

    Args:
        latent: What is to be sent, `(1, C, H, W)`.
        first: The latent that the receiver expects without any block, likewise.
        expect: The painter.
        allocation: The coded steps.
    """
    walk = _Walk(first, expect, allocation)
    for number, step in enumerate(allocation.steps):
        dictionary = Dictionary(first.numel(), number)
        atoms = _largest(dictionary.project((latent - walk.expected).flatten().cpu()), step.atoms)
        yield write_block(atoms, dictionary.size), walk.step(number, dictionary, atoms)


def follow(blocks: Sequence[bytes], first: Tensor, expect: Expectation, allocation: Allocation) -> Iterator[Tensor]:
    """Yield the latent that is expected after each block, `(1, C, H, W)`.

    Args:
        blocks: Blocks as `refine` makes them; fewer than there are coded steps make a coarser latent.
        first: The latent that is expected without any block.
        expect: The painter, the sender's.
        allocation: The sender's coded steps.
    """
    walk = _Walk(first, expect, allocation)
    for number, (step, block) in enumerate(zip(allocation.steps, blocks, strict=False)):
        dictionary = Dictionary(first.numel(), number)
        yield walk.step(number, dictionary, read_block(block, dictionary.size, step.atoms))


class _Walk:
    """Where sender and receiver are.

    Attributes:
        expected: The latent that is expected so far, `(1, C, H, W)`.
    """

    def __init__(self, first: Tensor, expect: Expectation, allocation: Allocation):
        self.expected = first
        self._expect = expect
        self._steps = allocation.steps
        # At infinite noise nothing of the last latent is kept.
        self._point, self._level = first, float("inf")

    def step(self, number: int, dictionary: Dictionary, atoms: Atoms) -> Tensor:
        """Return the latent that is expected after a coded step."""
        sigma = self._steps[number].sigma
        level = sigma / (1 - sigma)
        kept = (level / self._level) ** 2
        noise = dictionary.combine(*atoms).view_as(self.expected).to(self.expected)
        self._point = kept * self._point + (1 - kept) * self.expected + level * (1 - kept) ** 0.5 * noise
        self._level = level
        self.expected = self._expect((1 - sigma) * self._point, sigma)
        return self.expected


def _largest(products: Tensor, count: int) -> Atoms:
    """The atoms of the largest products, the lower number first among equals."""
    values = products.numpy()
    positions = np.sort(np.argsort(-np.abs(values), kind="stable")[:count])
    return Atoms(positions, np.where(values[positions] < 0, -1, 1))
