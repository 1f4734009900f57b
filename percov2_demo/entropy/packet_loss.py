"""Draw which indices a lossy channel loses, if each is sent in a packet of its own."""

import random

from percov2_demo.errors import InputError


def draw_lost(count: int, share: float, seed: int) -> list[int]:
    """Draw the positions, of `count`, that are lost, in no order.

    Args:
        count: Number of indices.
        share: Share of them that is lost, from 0 to 1.
        seed: Seed of the draw.

    Raises:
        InputError: The share is out of range.
    """
    if not 0 <= share <= 1:
        raise InputError(f"the share of indices to lose must be from 0 to 1, not {share:g}")
    return random.Random(seed).sample(range(count), round(share * count))
