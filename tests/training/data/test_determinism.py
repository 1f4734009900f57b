"""Shares of a batch, and random numbers by sample."""

import pytest
import torch

from percov2_demo.errors import InputError
from percov2_demo.training.data.determinism import Draws, Share


CPU = torch.device("cpu")


def test_shares_are_the_batch_and_keep_its_groups():
    batch = torch.arange(12)
    shares = [Share(number, 2).take(batch, groups=3) for number in range(2)]
    assert torch.stack(shares, dim=1).flatten().equal(batch)
    for share in shares:
        assert [group.tolist() for group in (share // 4).split(2)] == [[0, 0], [1, 1], [2, 2]]


def test_a_share_of_one_is_the_batch_whatever_its_size():
    assert Share().take(["a", "b"], groups=3) == ["a", "b"]


def test_uneven_batches_are_refused_in_one_sentence():
    with pytest.raises(InputError, match=r"30 samples cannot .* 4 processes .* multiple of 12"):
        Share(0, 4).take(torch.zeros(30), groups=3)


def test_numbers_belong_to_the_sample_whoever_draws_them():
    def draw(share):
        draws = Draws(7, 3, share)
        count = len(range(share.number, 6, share.count))
        return draws.normal((count, 2), CPU), draws.uniform((count, 1), CPU)

    whole = draw(Share())
    for number in range(3):
        for mine, all_of_them in zip(draw(Share(number, 3)), whole, strict=True):
            assert mine.equal(all_of_them[number::3])
    assert not whole[0][0].equal(whole[0][1])


def test_numbers_differ_by_step_and_seed():
    drawn = [Draws(seed, step).normal((1, 4), CPU) for seed, step in ((0, 0), (0, 1), (1, 0))]
    assert not drawn[0].equal(drawn[1]) and not drawn[0].equal(drawn[2])
