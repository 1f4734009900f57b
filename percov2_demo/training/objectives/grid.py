"""How much pictures show the grid of the decoder that made them."""

from torch import Tensor


PERIOD = 16
"""Pixels after which the grid repeats: twice those of a latent."""


def grid_pattern(pictures: Tensor, originals: Tensor) -> Tensor:
    """Compare where in a grid the steps between neighbouring pixels are large.

    In photos an edge lies anywhere; a decoder that joins its patches badly puts more of them on the borders, which
    deep features hardly see. As a measure of blocking this is Wang, Bovik and Evans's (ICIP 2000), with the originals
    in the place of the steps beside the borders, and without a spectrum.

    Args:
        pictures: `(B, 3, H, W)`, sides of at least `PERIOD` + 1, their grid beginning at the first pixel.
        originals: Of the same shape.

    Returns:
        Squared difference of the mean steps at each place, as shares of all places' mean; a scalar, 0 where alike.
    """
    differences = [_profile(pictures, axis) - _profile(originals, axis) for axis in (-1, -2)]
    return sum(difference.square().mean() for difference in differences) / len(differences)


def _profile(pictures: Tensor, axis: int) -> Tensor:
    """Return the mean step at each place of the grid along an axis, 1 on average; each picture counts as much."""
    steps = pictures.diff(dim=axis).abs().movedim(axis, -1).mean((1, 2))
    whole = steps.shape[1] // PERIOD * PERIOD
    places = steps[:, :whole].unflatten(1, (-1, PERIOD)).mean(1)
    return (places / places.mean(1, keepdim=True).clamp_min(1e-6)).mean(0)
