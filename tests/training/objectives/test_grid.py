"""The pattern of a decoder's grid in pictures."""

import torch

from percov2_demo.metrics import to_tensor
from percov2_demo.training.objectives.grid import PERIOD, grid_pattern
from tests.scene import draw_scene


def photos(shift: int = 0) -> torch.Tensor:
    noise = torch.rand((2, 3, 128, 128), generator=torch.Generator().manual_seed(1))
    return (0.7 * to_tensor(draw_scene(128, 128)) + 0.3 * noise).roll(shift, dims=-1)


def tiles(pictures: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(pictures, 8).repeat_interleave(8, -1).repeat_interleave(8, -2)


def test_equal_pictures_have_no_pattern_and_brightness_is_none():
    assert grid_pattern(photos(), photos()) == 0
    assert grid_pattern(photos() + 0.1, photos()) < 1e-9


def test_tiles_have_more_of_it_than_a_blur_and_than_other_content():
    blurred = torch.nn.functional.avg_pool2d(photos(), 9, 1, 4)
    assert grid_pattern(tiles(photos()), photos()) > 8 * grid_pattern(blurred, photos())
    assert grid_pattern(tiles(photos()), photos()) > 8 * grid_pattern(photos(shift=5), photos())


def test_a_weave_too_faint_for_the_mean_step_is_seen():
    """Two levels of 255 at one place of each patch, and at as many places anywhere, in plain areas and edges."""
    scene = to_tensor(draw_scene(256, 256))[None]
    woven, strewn = scene.clone(), scene.clone()
    woven[..., ::8, ::8] += 2 / 255
    strewn += 2 / 255 * (torch.rand(256, 256, generator=torch.Generator().manual_seed(2)) < 1 / 64)
    assert grid_pattern(woven, scene) > 8 * grid_pattern(strewn, scene)


def test_its_gradient_takes_tiles_away():
    pictures = tiles(photos()).requires_grad_()
    before = grid_pattern(pictures, photos())
    (gradient,) = torch.autograd.grad(before, pictures)
    assert grid_pattern(pictures - 0.01 * gradient / gradient.abs().max(), photos()) < before


def test_a_flat_picture_is_no_division_by_zero():
    flat = torch.zeros((1, 3, 2 * PERIOD + 1, 2 * PERIOD + 1), requires_grad=True)
    (gradient,) = torch.autograd.grad(grid_pattern(flat, photos()[:1, :, : 2 * PERIOD + 1, : 2 * PERIOD + 1]), flat)
    assert gradient.isfinite().all()
