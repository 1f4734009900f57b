"""Public models that are known to suit a place: what they cost, and the settings that their authors advise.

Sizes and licences are others' words, copied with their source; none was measured here.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


DEFAULT_SIGMA = 0.6
"""Noise level at the start of a model that is not known by name."""

_FILE = Path(__file__).with_name("known.json")


@dataclass(frozen=True)
class KnownPainter:
    """A public model.

    Args:
        model: Repository on the hub.
        licence: Its licence.
        gated: Whether the hub asks to accept the licence first.
        parameters: Parameters of its network, without text encoders and autoencoder.
        download_gb: Gigabytes to download.
        memory_gb: Gigabytes of memory that it takes in 16 bits.
        steps: Usual number of steps.
        guidance: Usual guidance scale; None for a model that was distilled to do without.
        sigma: Noise level to begin with.
        places: Where it is the advised choice.
        note: What else to know.
        source: Who says so.
    """

    model: str
    licence: str
    gated: bool
    parameters: float
    download_gb: float
    memory_gb: float
    steps: int
    guidance: float | None
    sigma: float
    places: tuple[str, ...]
    note: str
    source: str


@dataclass(frozen=True)
class Advice:
    """Settings to begin with.

    Args:
        steps: Number of steps.
        guidance: Guidance scale; None for a painter without.
        sigma: Noise level at the start.
    """

    steps: int
    guidance: float | None
    sigma: float


@cache
def known_painters() -> tuple[KnownPainter, ...]:
    """Read the list of known models."""
    entries = json.loads(_FILE.read_text("utf-8"))
    return tuple(KnownPainter(**entry | {"places": tuple(entry["places"])}) for entry in entries)


def find_known(name: str) -> KnownPainter | None:
    """Find a known model by its repository, or by the name of a folder that its files were put into."""
    return next((known for known in known_painters() if name in (known.model, known.model.partition("/")[2])), None)


def usual_sigma(advice: Advice | None) -> float:
    """Return the noise level of a painter's usual settings, also where they are not known."""
    return DEFAULT_SIGMA if advice is None else advice.sigma
