"""The hyper-encoder has PerCo (SD)'s layout."""

import pytest
import torch

from percov2_demo.models.hyper_encoder import HyperEncoder


@pytest.mark.parametrize(("stride", "parameters"), [(1, 4_082_432), (2, 4_967_168), (4, 5_851_904), (8, 5_925_632)])
def test_parameter_counts_of_the_full_size_layout(stride, parameters):
    """The counts for 16 latent channels, which follow from PerCo (SD)'s published 4,080,128 to 5,868,032 for 4."""
    with torch.device("meta"):
        encoder = HyperEncoder(stride)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
@torch.inference_mode()
def test_stride(stride):
    features = HyperEncoder(stride, width=16, out_channels=24)(torch.randn(2, 16, 16, 40))
    assert features.shape == (2, 24, 16 // stride, 40 // stride)


def test_other_strides_are_refused():
    with pytest.raises(ValueError, match="not 3"):
        HyperEncoder(3)
