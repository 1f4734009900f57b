"""How a picture is painted from a stream: the decoder's settings and their defaults, the same everywhere."""

from dataclasses import dataclass


MAX_SEED = 2**63 - 1

OWN = "own"
"""Name of a codec's own painter."""

SCALES = "scales"
"""Name of the painter that draws finer indices, in a codec that has a scale model."""


@dataclass(frozen=True)
class Sampling:
    """The decoder's settings.

    Args:
        steps: Steps of the sampler.
        guidance: Guidance scale on the text; 1 follows the caption, 0 ignores it.
        strength: Noise level in [0, 1] at the start; None is the model's default for the stream's preset.
        seed: Seed of the noise.
        hold: How far each step's low frequencies are drawn back to the estimate's, from 0 to 1, see `hold.held`.
        painter: Name of what paints, see `painters`; `OWN` is the codec's own network.
    """

    steps: int = 4
    guidance: float = 3.0
    strength: float | None = None
    seed: int = 0
    hold: float = 0.0
    painter: str = OWN


PAINTING_STRENGTH = 0.34
"""Strength at which painting is shown and measured where a model's own strength is 0."""


def painting_strength(default: float) -> float:
    """Return a model's own strength, or `PAINTING_STRENGTH` where that is 0 and nothing would be painted."""
    return default or PAINTING_STRENGTH
