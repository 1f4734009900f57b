"""The paths that training and sampling share."""

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from percov2_demo.errors import InputError
from percov2_demo.sampling.interpolant import expected_latent, noisy_latent, starting_point, starting_sigmas, velocity


@pytest.fixture
def tensors() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    latent, estimate, noise = torch.randn(3, 2, 4, 8, 8, generator=generator, dtype=torch.float64)
    return latent, estimate, noise


def test_path_runs_from_noise_to_latent(tensors):
    latent, _, noise = tensors
    torch.testing.assert_close(noisy_latent(latent, noise, 1.0), noise)
    torch.testing.assert_close(noisy_latent(latent, noise, 0.0), latent)


def test_partial_noise_starts_on_the_path_to_the_estimate(tensors):
    _, estimate, noise = tensors
    torch.testing.assert_close(starting_point(estimate, noise, 0.4), 0.6 * estimate + 0.4 * noise)


def test_velocity_of_the_true_latent_is_the_paths_derivative(tensors):
    latent, _, noise = tensors
    sigma, step = 0.6, 1e-6
    ahead, behind = (noisy_latent(latent, noise, sigma + change) for change in (step, -step))
    derivative = (ahead - behind) / (2 * step)
    torch.testing.assert_close(
        velocity(noisy_latent(latent, noise, sigma), latent, sigma), derivative, atol=1e-6, rtol=1e-6
    )


def test_both_prediction_types_recover_the_latent(tensors):
    latent, estimate, noise = tensors
    sigma = 0.7
    noisy = noisy_latent(latent, noise, sigma)
    torch.testing.assert_close(expected_latent(noise - latent, noisy, None, sigma, "velocity"), latent)
    torch.testing.assert_close(expected_latent(latent - estimate, noisy, estimate, sigma, "residual"), latent)


def test_partial_noise_needs_an_estimate(tensors):
    _, _, noise = tensors
    assert starting_point(None, noise, 1.0) is noise
    with pytest.raises(InputError, match="no hyper-decoder"):
        starting_point(None, noise, 0.5)


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("strength", [0.2, 0.7])
def test_scheduler_starts_at_the_strength_and_ends_at_zero(shift, strength):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=starting_sigmas(5, strength, shift))
    assert scheduler.sigmas[0] == pytest.approx(strength)
    assert scheduler.sigmas[-1] == 0
    assert (scheduler.sigmas.diff() < 0).all()
