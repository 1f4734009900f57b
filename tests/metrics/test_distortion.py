"""Distortions against independent computations."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure, peak_signal_noise_ratio

from percov2_demo.errors import MetricError
from percov2_demo.metrics.distortion import colour_shift, ms_ssim, psnr
from tests.metrics.pictures import blurred, jpeg2000, kodak, noisy, scene_tensor, texture


def damages(picture: torch.Tensor) -> list[torch.Tensor]:
    return [noisy(picture, 5), noisy(picture, 50), blurred(picture, 3), 0.5 * picture + 0.25]


@pytest.mark.parametrize("picture", [texture(), scene_tensor(200, 300)], ids=["texture", "scene"])
def test_psnr_and_ms_ssim_equal_torchmetrics(picture):
    for other in damages(picture):
        reference = peak_signal_noise_ratio(other, picture, data_range=1.0)
        assert psnr(picture, other) == pytest.approx(float(reference), abs=1e-4)
        reference = multiscale_structural_similarity_index_measure(other[None], picture[None], data_range=1.0)
        assert ms_ssim(picture, other) == pytest.approx(float(reference), abs=1e-4)


def test_equal_pictures():
    picture = texture()
    assert psnr(picture, picture) == float("inf")
    assert ms_ssim(picture, picture) == pytest.approx(1.0, abs=1e-6)
    assert colour_shift(picture, picture) == 0


def test_opposite_pictures_have_no_similarity():
    assert ms_ssim(texture(), 1 - texture()) == 0


def test_small_pictures_have_no_ms_ssim():
    with pytest.raises(MetricError, match="161"):
        ms_ssim(torch.rand(3, 160, 200), torch.rand(3, 160, 200))


@pytest.mark.parametrize("metric", [psnr, ms_ssim, colour_shift])
def test_unequal_sizes_are_refused(metric):
    with pytest.raises(MetricError, match="256x192 pixels and the reconstruction 192x192"):
        metric(texture(192, 256), texture(192, 192))
    with pytest.raises(ValueError, match="shape"):
        metric(texture()[None], texture()[None])


def test_colour_shift_of_two_greys_is_that_of_their_lightness():
    # L* of sRGB 119 and 128 of 255, from tables; between greys CIEDE2000 is the lightness over S_L.
    first, second = (torch.full((3, 64, 64), value / 255) for value in (119, 128))
    low, high = 50.03, 53.59
    offset = ((low + high) / 2 - 50) ** 2
    expected = (high - low) / (1 + 0.015 * offset / (20 + offset) ** 0.5)
    assert colour_shift(first, second) == pytest.approx(expected, abs=0.02)


def test_colour_shift_sees_the_light_that_a_texture_adds_up_to():
    checks = torch.zeros(3, 64, 64)
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = 1
    # Half the light is 188 of 255 in sRGB.
    assert colour_shift(checks, torch.full((3, 64, 64), 187.516 / 255)) < 0.01
    assert colour_shift(checks, torch.full((3, 64, 64), 0.5)) > 15


def test_colour_shift_covers_the_last_pixels():
    picture = texture(100, 130)
    other = picture.clone()
    other[:, 97:] = 0
    assert colour_shift(picture, other) > 0.5


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_kodak_equals_the_references():
    """The largest differences from torchmetrics and scikit-image over 24 photos and three damages each."""
    colour = pytest.importorskip("skimage.color")
    largest = {"psnr": 0.0, "ms_ssim": 0.0, "colour_shift": 0.0}
    for picture in kodak():
        for other in (noisy(picture, 10), blurred(picture, 2), jpeg2000(picture, 983)):
            expected = {
                "psnr": float(peak_signal_noise_ratio(other, picture, data_range=1.0)),
                "ms_ssim": float(
                    multiscale_structural_similarity_index_measure(other[None], picture[None], data_range=1.0)
                ),
                "colour_shift": coarse_difference(colour, picture, other),
            }
            for name, function in (("psnr", psnr), ("ms_ssim", ms_ssim), ("colour_shift", colour_shift)):
                largest[name] = max(largest[name], abs(function(picture, other) - expected[name]))
    assert largest["psnr"] < 1e-4, largest
    assert largest["ms_ssim"] < 1e-4, largest
    # scikit-image rounds its matrix and white point to fewer digits.
    assert largest["colour_shift"] < 0.01, largest


def coarse_difference(colour, first: torch.Tensor, second: torch.Tensor) -> float:
    """`colour_shift` by NumPy and scikit-image."""

    def lab(picture: torch.Tensor) -> np.ndarray:
        values = picture.double().numpy()
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        coarse = linear.reshape(3, 32, 16, 32, 16).mean((2, 4))
        encoded = np.where(coarse <= 0.0031308, 12.92 * coarse, 1.055 * coarse ** (1 / 2.4) - 0.055)
        return colour.rgb2lab(encoded.transpose(1, 2, 0))

    return float(colour.deltaE_ciede2000(lab(first), lab(second)).mean())
