"""Metrics between two sets of pictures: FID and KID, on whole pictures or on patches of them, and CMMD."""

from collections.abc import Iterable
from itertools import zip_longest

import torch
from torch import Tensor, nn

from percov2_demo.errors import MetricError
from percov2_demo.metrics.learned import Clip
from percov2_demo.metrics.picture import check_pair


MIN_PICTURES = 2048
"""Pictures from which on FID of whole ones is given: with fewer, the covariance of 2,048 features is singular."""

KID_SUBSET = 1000
"""Pictures of a subset, as KID's authors take (Bińkowski et al., ICLR 2018)."""

KID_SUBSETS = 100

CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0


def patches(picture: Tensor, side: int = 64, stride: int | None = None, shifted: bool = False) -> Tensor:
    """Cut a picture into square patches on a regular grid, `(N, 3, side, side)`; what is left at the edges is dropped.

    Protocols: HiFiC (Mentzer et al., NeurIPS 2020) takes patches of 256 pixels side by side and, with
    `shifted`, those of a second grid that starts 128 pixels in; CoD takes patches of 64 pixels on Kodak.

    Args:
        picture: Picture `(3, H, W)`.
        side: Side of a patch in pixels.
        stride: Pixels from one patch to the next; a whole side where it is None.
        shifted: Adds the grid that starts half a side in from the top and the left.

    Raises:
        MetricError: The picture is smaller than a patch.
    """
    if min(picture.shape[-2:]) < side:
        height, width = picture.shape[-2:]
        raise MetricError(f"patches of {side} pixels do not fit into a picture of {width}x{height} pixels")
    starts = [0, side // 2] if shifted else [0]
    grids = [_grid(picture[:, start:, start:], side, stride or side) for start in starts]
    return torch.cat(grids)


def _grid(picture: Tensor, side: int, stride: int) -> Tensor:
    if min(picture.shape[-2:]) < side:
        return picture.new_empty(0, picture.shape[0], side, side)
    windows = picture.unfold(1, side, stride).unfold(2, side, stride)
    return windows.permute(1, 2, 0, 3, 4).flatten(0, 1)


def cmmd(first: Tensor, second: Tensor) -> float:
    """Compute the CLIP maximum mean discrepancy of two sets of embeddings, 0 for equal sets, lower is better.

    The squared discrepancy under a Gaussian kernel of width 10, with the biased estimator, times 1,000 (Jayasumana
    et al., CVPR 2024). The paper's embeddings are those of CLIP ViT-L/14 at 336 pixels, of length 1.

    Args:
        first: Embeddings `(N, D)`.
        second: Embeddings `(M, D)`.
    """

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
        return torch.exp(-squares / (2 * CMMD_SIGMA**2)).mean()

    first, second = first.double(), second.double()
    return CMMD_SCALE * float(kernel(first, first) + kernel(second, second) - 2 * kernel(first, second))


@torch.no_grad()
def set_metrics(
    originals: Iterable[Tensor],
    reconstructions: Iterable[Tensor],
    patch_side: int | None = 64,
    shifted: bool = False,
    inception: nn.Module | None = None,
    clip: Clip | None = None,
    device: torch.device | str = "cpu",
) -> dict[str, float | int | None]:
    """Measure distances between originals and reconstructions as sets, lower is better; one pair is held at a time.

    FID and KID of whole pictures ask for some thousands of them, see `MIN_PICTURES`: PerCo (Careil et al., ICLR 2024)
    refuses FID on Kodak's 24 for that reason. Those of patches are for smaller sets, mean something where there are
    some thousands of patches, and compare only with figures of the same patches.

    Args:
        originals: Pictures `(3, H, W)` in [0, 1]; without patches all of one size.
        reconstructions: A picture of the same size for each.
        patch_side: Side of the patches in pixels; None takes whole pictures.
        shifted: Whether `patches` adds its shifted grid.
        inception: Network from pictures `(B, 3, h, w)` in [0, 1] to features `(B, D)`, with the attribute
            `num_features`; torchmetrics' Inception with 2,048 features where it is None.
        clip: CLIP for `cmmd` of whole pictures, which the paper takes at 336 pixels; without it `cmmd` is None.
        device: Where the networks run.

    Returns:
        `samples`, the pictures or patches in each set; `fid`, `kid` and `cmmd`.

    Raises:
        MetricError: torchmetrics, or its Inception, is neither installed nor reachable.
        MetricError: The numbers or sizes differ, a picture is smaller than a patch, or there is but one sample.
    """
    fid, kid = (metric.to(device) for metric in build_set_metrics(inception))
    embeddings: tuple[list[Tensor], list[Tensor]] = ([], [])
    samples = 0
    for pair in zip_longest(originals, reconstructions):
        if any(picture is None for picture in pair):
            raise MetricError("the numbers of originals and reconstructions differ: give a reconstruction of each")
        check_pair(*pair)
        for picture, real, embedded in zip(pair, (True, False), embeddings, strict=True):
            batch = picture[None] if patch_side is None else patches(picture, patch_side, shifted=shifted)
            for metric in (fid, kid):
                metric.update(batch.to(device), real=real)
            if clip is not None:
                embedded.append(clip.embed_picture(picture))
        samples += len(batch)
    if samples < 2:
        raise MetricError("one sample is no distribution: give more pictures, or smaller patches")
    kid.subset_size = min(KID_SUBSET, samples)
    # One subset of all samples: more subsets would only repeat it.
    kid.subsets = 1 if kid.subset_size == samples else KID_SUBSETS
    with torch.random.fork_rng():
        torch.manual_seed(0)
        distances = {"fid": float(fid.compute()), "kid": float(kid.compute()[0])}
    return {"samples": samples} | distances | {"cmmd": cmmd(*map(torch.stack, embeddings)) if clip else None}


def build_set_metrics(inception: nn.Module | None = None) -> tuple[nn.Module, nn.Module]:
    """Build torchmetrics' FID and KID, with its Inception unless another network is given.

    Raises:
        MetricError: The library, or its Inception, is neither installed nor reachable.
    """
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance

        feature = 2048 if inception is None else inception
        return FrechetInceptionDistance(feature, normalize=True), KernelInceptionDistance(feature, normalize=True)
    except (ImportError, OSError) as error:
        raise MetricError(
            "FID and KID unavailable: install torchmetrics and torch-fidelity, which download Inception's weights once"
        ) from error
