"""How much pictures show the grid of the decoder that made them."""

from torch import Tensor


PERIOD = 16
"""Pixels after which the grid repeats: twice those of a latent."""

FLOOR = 1e-5
"""Square of a step that hardly counts as one, in pictures of [-1, 1]: less than a level of 255."""


def grid_pattern(pictures: Tensor, originals: Tensor) -> Tensor:
    """Compare where in a grid neighbouring pixels differ.

    In photos an edge lies anywhere; a decoder that joins its patches badly puts more of them at some places of each
    patch, which deep features hardly see. As a measure of blocking this is Wang, Bovik and Evans's (ICIP 2000), with
    originals in the place of a spectrum. The square root of each step counts, so that edges do not drown a weave in
    plain areas, where the eye sees it.

    Args:
        pictures: `(B, 3, H, W)` in [-1, 1], sides of at least `PERIOD` + 1, their grid beginning at the first pixel.
        originals: Of the same shape.

    Returns:
        Squared difference of the mean steps at each place, as shares of all places' mean; a scalar, 0 where alike.
    """
    differences = [_profile(pictures, axis) - _profile(originals, axis) for axis in (-1, -2)]
    return sum(difference.square().mean() for difference in differences) / len(differences)


def _profile(pictures: Tensor, axis: int) -> Tensor:
    """Return the mean step along an axis at each place `(PERIOD, PERIOD)`, as shares of the mean of all."""
    steps = (pictures.diff(dim=axis).square() + FLOOR).pow(0.25).mean(1)
    height, width = (side // PERIOD * PERIOD for side in steps.shape[1:])
    tiles = steps[:, :height, :width].unflatten(2, (-1, PERIOD)).unflatten(1, (-1, PERIOD))
    places = tiles.mean((1, 3))
    return (places / places.mean((1, 2), keepdim=True)).mean(0)
