"""How a budget of atoms is spent over coded steps: one number determines all steps, so that a file carries no table.

The first steps get most: on what they tell, the painter builds. A step's noise level follows from what was spent up to
it. The constants were measured on validation photos; they are part of the format.
"""

from dataclasses import dataclass
from functools import cached_property

from percov2_demo.bitstream import MAX_ATOMS
from percov2_demo.errors import InputError


_MAX_STEPS = 6

_RATIO = 0.8
"""Atoms of a step over those of the step before."""

_FEWEST_ATOMS = 40
"""A step of fewer is not worth a run of the painter's network."""

_SIGNAL = 100.0
"""Signal-to-noise ratio of a step, were as many atoms spent as the latent has elements."""


@dataclass(frozen=True)
class CodedStep:
    """A step whose noise is sent.

    Attributes:
        atoms: How many atoms of the dictionary make up the noise.
        sigma: Noise level in (0, 1) of rectified flow's path at which the painter is asked.
    """

    atoms: int
    sigma: float


@dataclass(frozen=True)
class Allocation:
    """The coded steps of a budget.

    Attributes:
        dimension: Elements of the latent.
        atoms: The budget, from 1 to `max_atoms(dimension)`.

    Raises:
        InputError: The budget is out of range.
    """

    dimension: int
    atoms: int

    def __post_init__(self) -> None:
        most = max_atoms(self.dimension)
        if not 1 <= self.atoms <= most:
            raise InputError(f"a refinement has 1 to {most} atoms, not {self.atoms}")

    @property
    def dictionary_size(self) -> int:
        """Atoms that a step chooses from: the dimension, rounded up to a power of two."""
        return 1 << (self.dimension - 1).bit_length()

    @cached_property
    def steps(self) -> tuple[CodedStep, ...]:
        """The coded steps, each with no more atoms than the one before, at falling noise levels.

        The signal-to-noise ratio `((1 - sigma) / sigma)^2` of a step is in proportion to the atoms spent up to it, as
        that of a channel is to the bits that it took.
        """
        steps, spent = [], 0
        for atoms in _front_loaded(self.atoms):
            spent += atoms
            noise = (self.dimension / (_SIGNAL * spent)) ** 0.5
            steps.append(CodedStep(atoms, noise / (1 + noise)))
        return tuple(steps)


def max_atoms(dimension: int) -> int:
    """Return the largest budget for a latent of so many elements."""
    return min(MAX_ATOMS, dimension // 4)


def _front_loaded(total: int) -> list[int]:
    """The total in parts, each `_RATIO` of the one before up to rounding; as many as leave the last enough."""
    for count in range(_MAX_STEPS, 1, -1):
        weights = [_RATIO**number for number in range(count)]
        parts = [int(total * weight / sum(weights)) for weight in weights]
        if parts[-1] >= _FEWEST_ATOMS:
            parts[0] += total - sum(parts)
            return parts
    return [total]
