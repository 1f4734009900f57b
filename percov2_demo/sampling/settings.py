"""How a picture is painted from a stream: the decoder's settings and their defaults, the same everywhere."""

from dataclasses import dataclass


MAX_SEED = 2**63 - 1

OWN = "own"
"""Name of a codec's own painter."""


@dataclass(frozen=True)
class Sampling:
    """The decoder's settings.

    Args:
        steps: Steps of the sampler; None is the painter's default.
        guidance: Guidance scale on the text; 1 follows the caption, 0 ignores it; None is the painter's default.
        strength: Noise level in [0, 1] at the start; None is the model's default for the stream's preset.
        seed: Seed of the noise.
        hold: How far each step's low frequencies are drawn back to the estimate's, from 0 to 1, see `hold.held`.
        painter: Name of what paints, see `painters`; `OWN` is the codec's own network.
    """

    steps: int | None = 4
    guidance: float | None = 3.0
    strength: float | None = None
    seed: int = 0
    hold: float = 0.0
    painter: str = OWN
