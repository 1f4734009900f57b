"""The interface that the codec's own network and public text-to-image models share as painters.

SDEdit (Meng et al., arXiv 2108.01073): noise is put on an estimate of the picture, and a generative model walks back
from there under a caption. How much noise is one number with one meaning for every painter, the noise level sigma:
noise over noise plus signal, from 0 (the estimate itself) to 1 (nothing of the estimate is left).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import Bitstream
from percov2_demo.errors import InputError
from percov2_demo.painters.canvas import Canvas
from percov2_demo.sampling.settings import MAX_SEED, Sampling


StepCallback = Callable[[Any, int, float, dict[str, Tensor]], dict[str, Tensor] | None]
"""Called as `callback(painter, step, sigma, {"latents", "expected_latents"})` after each step.

It may return a dict with new "latents" to go on with.
"""


@dataclass(frozen=True)
class Knob:
    """A setting that a painter has.

    Args:
        default: Its value when none is asked for.
        minimum: Smallest value.
        maximum: Largest value.
    """

    default: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Card:
    """What a painter says of itself.

    Args:
        name: What it is called: `OWN`, a repository on the hub, or a folder's name.
        kind: What sort of model it is, in words.
        licence: Its licence; None where it is not known.
        parameters: Numbers that it was trained to hold, over all of its parts.
        steps: Its steps, and how many it can take.
        guidance: Its guidance scale; None where it has none, as in models that were distilled to do without.
        sigma: The noise level at the start; where the codec has no estimate, 1 is the only one.
        holds: Whether it can hold to the bits, see `sampling.hold.held`.
        fast: Whether it has a fast mode.
    """

    name: str
    kind: str
    licence: str | None
    parameters: int
    steps: Knob
    guidance: Knob | None
    sigma: Knob
    holds: bool
    fast: bool


class Painter(ABC):
    """Paints the picture that a file describes.

    All painters tell of every step, show what they expect the picture to become, can be stopped between steps and
    paint several pictures in one batch.
    """

    @property
    @abstractmethod
    def card(self) -> Card:
        """What the painter says of itself."""

    @abstractmethod
    def start(self, canvas: Canvas, sigma: float, caption: str | None = None) -> Any:
        """Prepare what pictures of one file, caption and noise level share, for `paint`.

        Args:
            canvas: What the file says.
            sigma: Noise level in [0, 1] at the start.
            caption: Text in place of the file's; empty for none.

        Raises:
            InputError: The noise level is out of range, or the caption cannot be stored in a file.
            ModelError: The codec has no estimate that the painter could start from.
        """

    @abstractmethod
    def paint(
        self,
        start: Any,
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        generator: torch.Generator | None = None,
    ) -> list[Image.Image]:
        """Paint pictures of several settings in one batch.

        Args:
            start: What they share.
            samplings: Settings with one number of steps and one amount of holding; the start's noise level goes for
                theirs.
            fast: Whether to run the painter's fast mode.
            callback_on_step_end: Called after each step with the painter, the step from 0, the noise level at which
                it began and the tensors "latents" and "expected_latents", of which `decode_latents` makes a preview.
                It may return a dict with new "latents" to go on with.
            interrupt: Asked before each step; True stops the painter.
            generator: Source of the noise in place of a single setting's seed.

        Returns:
            RGB pictures of the file's size.

        Raises:
            InputError: A setting is out of range, the settings differ in what they should share, there are several
                and a generator, or the painter has no fast mode.
            Interrupted: `interrupt` returned True.
        """

    @abstractmethod
    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        """Show latents that a step callback was given as pictures."""

    def default_sigma(self, preset: str) -> float:
        """Return the noise level that is used for a preset when none is asked for."""
        return self.card.sigma.default

    def stream_sigma(self, stream: Bitstream) -> float:
        """Return the noise level that is used for a stream when none is asked for."""
        return self.default_sigma(stream.preset)

    def settle(
        self,
        preset: str,
        steps: int | None = None,
        guidance: float | None = None,
        strength: float | None = None,
        seed: int = Sampling.seed,
        hold: float = Sampling.hold,
    ) -> Sampling:
        """Fill in the painter's usual settings where those that are asked for are None.

        Args:
            preset: Name of the file's preset.
            steps: As in `Sampling`.
            guidance: As in `Sampling`; a painter without guidance follows the caption as it is, whatever is asked for.
            strength: As in `Sampling`.
            seed: As in `Sampling`.
            hold: As in `Sampling`.

        Raises:
            InputError: A setting is out of the painter's range.
        """
        card = self.card
        usual = 1.0 if card.guidance is None else card.guidance.default
        sampling = Sampling(
            steps=int(card.steps.default) if steps is None else steps,
            guidance=usual if guidance is None or card.guidance is None else guidance,
            strength=self.default_sigma(preset) if strength is None else strength,
            seed=seed,
            hold=hold,
            painter=card.name,
        )
        self.check_sampling(sampling)
        return sampling

    def check_sampling(self, sampling: Sampling) -> None:
        """Refuse settings that are out of range; a noise level that is left to the painter is not.

        Raises:
            InputError: One is.
        """
        card = self.card
        steps, most = sampling.steps, card.steps.maximum
        if not (isinstance(steps, Integral) and 1 <= steps <= most):
            raise InputError(f"the number of steps must be 1 to {most:g}, not {steps}")
        if not 0 <= sampling.guidance <= 100:
            raise InputError(f"the guidance scale must be 0 to 100, not {sampling.guidance:g}")
        if sampling.strength is not None:
            check_sigma(sampling.strength)
        if not 0 <= sampling.seed <= MAX_SEED:
            raise InputError(f"the seed must be from 0 to {MAX_SEED}, not {sampling.seed}")
        if not 0 <= sampling.hold <= 1:
            raise InputError(f"hold must be from 0 to 1, not {sampling.hold:g}")
        if sampling.hold > 0 and not card.holds:
            raise InputError(f"the painter {card.name} has no estimate to hold to: set hold to 0")

    def release(self) -> None:  # noqa: B027
        """Free the painter's memory, after which it is not used; the codec's own painter keeps it."""


def check_sigma(sigma: float) -> None:
    """Refuse a noise level that is out of range.

    Raises:
        InputError: It is.
    """
    if not 0 <= sigma <= 1:
        raise InputError(f"the strength must be from 0 to 1, not {sigma:g}")


def check_batch(samplings: Sequence[Sampling]) -> Sampling:
    """Return the first of the settings of one batch, which stands for what they have in common.

    Raises:
        InputError: There are no settings, or they differ in more than guidance and seed.
    """
    if not samplings:
        raise InputError("give at least one seed")
    first = samplings[0]
    if any((sampling.steps, sampling.hold) != (first.steps, first.hold) for sampling in samplings):
        raise InputError("settings that are painted together need the same number of steps and the same hold")
    return first


def make_generators(samplings: Sequence[Sampling], generator: torch.Generator | None) -> list[torch.Generator]:
    """Make the source of each picture's noise, on the CPU, so that a seed gives the same noise everywhere.

    Raises:
        InputError: There are several settings and a generator.
    """
    if generator is None:
        return [torch.Generator().manual_seed(int(sampling.seed)) for sampling in samplings]
    if len(samplings) > 1:
        raise InputError("give several seeds or a generator, not both")
    return [generator]
