"""The patch autoencoder."""

import pytest
import torch

from percov2_demo import PatchAutoencoder


@pytest.mark.parametrize("size", [(64, 64), (128, 320)])
@torch.inference_mode()
def test_latents_have_sd3s_geometry(size):
    autoencoder = PatchAutoencoder(encoder_width=16, decoder_width=16)
    latents = autoencoder.encode(torch.rand(2, 3, *size)).latents
    assert latents.shape == (2, 16, size[0] // 8, size[1] // 8)
    assert autoencoder.decode(latents).sample.shape == (2, 3, *size)


@torch.inference_mode()
def test_principal_components_make_it_a_projection():
    torch.manual_seed(0)
    autoencoder = PatchAutoencoder(encoder_width=16, decoder_width=16)
    components = torch.linalg.qr(torch.randn(192, 16)).Q.T
    mean = torch.randn(192)
    autoencoder.set_principal_components(mean, components)
    patches = mean + torch.randn(5, 16) @ components
    pictures = torch.nn.functional.pixel_shuffle(patches[:, :, None, None], 8)
    torch.testing.assert_close(autoencoder(pictures), pictures, atol=1e-4, rtol=1e-4)
