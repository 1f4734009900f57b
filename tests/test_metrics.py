"""Metrics against independent computations."""

import pytest
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure, peak_signal_noise_ratio

from percov2_demo.metrics import detail_ratio, ms_ssim, psnr


def pair(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    base = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 16, generator=generator), (192, 256), mode="bicubic")
    first = base[0].clamp(0, 1)
    return first, (first + noise * torch.randn(first.shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_psnr_equals_torchmetrics(noise):
    first, second = pair(noise)
    assert psnr(first, second) == pytest.approx(
        float(peak_signal_noise_ratio(second, first, data_range=1.0)), abs=1e-4
    )


@pytest.mark.parametrize("noise", [0.02, 0.2])
def test_ms_ssim_equals_torchmetrics(noise):
    first, second = pair(noise)
    reference = multiscale_structural_similarity_index_measure(second[None], first[None], data_range=1.0)
    assert ms_ssim(first, second) == pytest.approx(float(reference), abs=1e-4)


def test_equal_pictures():
    first, _ = pair(0.1)
    assert psnr(first, first) == float("inf")
    assert ms_ssim(first, first) == pytest.approx(1.0)


def test_small_pictures_have_no_ms_ssim():
    with pytest.raises(ValueError, match="161"):
        ms_ssim(torch.rand(3, 160, 200), torch.rand(3, 160, 200))


def test_detail_ratio_of_equal_blurred_and_noisy_pictures():
    first, noisy = pair(0.2)
    blurred = torch.nn.functional.avg_pool2d(noisy[None], 5, 1, 2, count_include_pad=False)[0]
    assert detail_ratio(first, first) == pytest.approx(1.0)
    assert detail_ratio(noisy, blurred) < 0.5
    assert detail_ratio(first, noisy) > 2


def test_detail_ratio_is_an_energy_of_differences():
    picture = torch.rand(3, 32, 32)
    assert detail_ratio(picture, 0.5 * picture + 0.25) == pytest.approx(0.25)
