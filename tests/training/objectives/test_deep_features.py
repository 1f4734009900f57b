"""The deep distance as a loss."""

from copy import deepcopy

import torch

from percov2_demo.training.objectives.deep_features import DeepFeatureLoss


def test_distance_is_zero_for_the_same_picture_and_has_gradients_for_another():
    loss = DeepFeatureLoss(torch.device("cpu"))
    original = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert loss(original, original).abs().max() < 1e-6
    blurred = torch.nn.functional.avg_pool2d(original, 9, 1, 4).requires_grad_()
    distances = loss(blurred, original)
    distances.sum().backward()
    assert distances.shape == (2,) and (distances > 0.1).all()
    assert blurred.grad.abs().sum() > 0
    assert deepcopy(loss) is loss


def test_both_pictures_are_seen_in_the_same_view():
    loss = DeepFeatureLoss(torch.device("cpu"))
    ramp = torch.linspace(-1, 1, 96).expand(1, 3, 96, 96)
    for seed in range(4):
        torch.manual_seed(seed)
        assert loss(ramp, ramp).item() < 1e-6
