"""The paths that training and sampling share."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from percov2_demo.interpolant import expected_latent, noisy_latent, starting_point, starting_sigmas, velocity


@pytest.fixture
def tensors() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    latent, estimate, noise = torch.randn(3, 2, 4, 8, 8, generator=generator, dtype=torch.float64)
    return latent, estimate, noise


@pytest.mark.parametrize("strength", [0.1, 0.4, 1.0])
def test_path_runs_from_starting_point_to_latent(tensors, strength):
    latent, estimate, noise = tensors
    level = torch.tensor(strength, dtype=torch.float64)
    start = noisy_latent(latent, estimate, noise, level, level)
    torch.testing.assert_close(start, starting_point(estimate, noise, strength))
    end = noisy_latent(latent, estimate, noise, torch.tensor(0.0, dtype=torch.float64), level)
    torch.testing.assert_close(end, latent)


@pytest.mark.parametrize("strength", [0.1, 0.4, 1.0])
def test_velocity_of_the_true_latent_is_the_paths_derivative(tensors, strength):
    latent, estimate, noise = tensors
    level = torch.tensor(strength, dtype=torch.float64)
    sigma = torch.tensor(0.6 * strength, dtype=torch.float64)
    step = 1e-6
    ahead = noisy_latent(latent, estimate, noise, sigma + step, level)
    behind = noisy_latent(latent, estimate, noise, sigma - step, level)
    point = noisy_latent(latent, estimate, noise, sigma, level)
    torch.testing.assert_close(velocity(point, latent, sigma), (ahead - behind) / (2 * step), atol=1e-6, rtol=1e-6)


def test_both_prediction_types_recover_the_latent(tensors):
    latent, estimate, noise = tensors
    sigma = torch.tensor(0.7, dtype=torch.float64)
    noisy = noisy_latent(latent, None, noise, sigma, torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(expected_latent(noise - latent, noisy, None, sigma, "velocity"), latent)
    torch.testing.assert_close(expected_latent(latent - estimate, noisy, estimate, sigma, "residual"), latent)


def test_partial_noise_needs_an_estimate(tensors):
    _, _, noise = tensors
    assert starting_point(None, noise, 1.0) is noise
    with pytest.raises(ValueError, match="no hyper-decoder"):
        starting_point(None, noise, 0.5)


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("strength", [0.2, 0.7])
def test_scheduler_starts_at_the_strength_and_ends_at_zero(shift, strength):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=starting_sigmas(5, strength, shift))
    assert scheduler.sigmas[0] == pytest.approx(strength)
    assert scheduler.sigmas[-1] == 0
    assert (scheduler.sigmas.diff() < 0).all()
