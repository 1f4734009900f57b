import pytest
import torch

from percov2_demo.sampling.hold import held, low_frequencies


GRID = (2, 3)


def test_the_projection_leaves_what_it_has_left():
    low = low_frequencies(torch.randn(2, 4, 16, 24), GRID)
    torch.testing.assert_close(low_frequencies(low, GRID), low)


def test_a_constant_is_low_and_a_checkerboard_is_not():
    constant = torch.full((1, 1, 8, 8), 3.0)
    torch.testing.assert_close(low_frequencies(constant, (1, 1)), constant)
    checkerboard = (-1.0) ** torch.arange(8)[:, None] * (-1.0) ** torch.arange(8)
    assert low_frequencies(checkerboard[None, None], (2, 2)).abs().max() < 0.3


def test_a_grid_as_fine_as_the_latents_keeps_everything():
    latents = torch.randn(1, 2, 4, 6)
    torch.testing.assert_close(low_frequencies(latents, (9, 6)), latents)


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_holding_draws_back_the_low_frequencies_alone(amount):
    expected, estimate = torch.randn(3, 4, 16, 24), torch.randn(1, 4, 16, 24)
    kept = held(expected, estimate, GRID, amount)
    left = (1 - amount) * low_frequencies(expected - estimate, GRID)
    torch.testing.assert_close(low_frequencies(kept - estimate, GRID), left, atol=1e-5, rtol=1e-4)
    high = expected - low_frequencies(expected, GRID)
    torch.testing.assert_close(kept - low_frequencies(kept, GRID), high, atol=1e-5, rtol=1e-4)
