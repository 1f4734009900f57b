"""Measure how many indices a painted picture gives back when it is encoded again, and find the noise to paint with.

A gauge of consistency that needs no original: what was painted is no longer what the file says where the encoder would
have chosen another index. It falls with the noise level, so the largest level above a share is found by bisection.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.errors import InputError


MEANING = (
    "Share of the file's indices that come back when the picture is encoded again: at 100 % it still says what the "
    "file says, far below the painter has invented another picture."
)

DEFAULT_SHARE = 0.9

ROUNDS = 5
"""Pictures that are painted to find a noise level: it is then known to a 32nd."""


@dataclass(frozen=True)
class Found:
    """A picture at the largest noise level that still agrees with the file.

    Args:
        sigma: The noise level.
        picture: The picture.
        agreement: Share of the indices that come back from it.
    """

    sigma: float
    picture: Image.Image
    agreement: float


def agreement(sent: NDArray[np.integer], returned: NDArray[np.integer]) -> float:
    """Return the share of indices that are the same, from 0 to 1.

    Args:
        sent: The file's indices `(rows, columns)`.
        returned: Those of the painted picture.
    """
    return float(np.mean(sent == returned))


def find_sigma(
    paint: Callable[[float], Image.Image],
    measure: Callable[[Image.Image], float],
    share: float = DEFAULT_SHARE,
    rounds: int = ROUNDS,
) -> Found:
    """Find the largest noise level at which a painted picture still agrees with its file.

    Args:
        paint: Paints at a noise level.
        measure: Measures a picture's agreement.
        share: Agreement that is enough, from 0 to 1.
        rounds: Halvings of the range.

    Returns:
        What was found; where no noise level agrees enough, the picture without noise.

    Raises:
        InputError: The share is out of range.
    """
    if not 0 <= share <= 1:
        raise InputError(f"the agreement must be from 0 to 1, not {share:g}")

    def look(sigma: float) -> Found:
        picture = paint(sigma)
        return Found(sigma, picture, measure(picture))

    low, high, best = 0.0, 1.0, None
    for _ in range(rounds):
        found = look((low + high) / 2)
        if found.agreement >= share:
            low, best = found.sigma, found
        else:
            high = found.sigma
    return best or look(0.0)
