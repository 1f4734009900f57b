"""A lossy channel."""

import pytest

from percov2_demo.entropy.packet_loss import draw_lost
from percov2_demo.errors import InputError


@pytest.mark.parametrize(("share", "count"), [(0, 0), (0.2, 13), (0.5, 32), (1, 64)])
def test_the_share_is_lost_and_nothing_twice(share, count):
    lost = draw_lost(64, share, seed=1)
    assert len(lost) == len(set(lost)) == count
    assert set(lost) <= set(range(64))


def test_the_seed_chooses():
    assert draw_lost(64, 0.5, seed=1) == draw_lost(64, 0.5, seed=1) != draw_lost(64, 0.5, seed=2)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_out_of_range(share):
    with pytest.raises(InputError, match="from 0 to 1"):
        draw_lost(64, share, seed=1)
