"""Metrics between two sets of pictures: FID and KID, on whole pictures or on patches of them, and CMMD."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from percov2_demo.metrics.errors import MetricUnavailable
from percov2_demo.metrics.learned import Clip
from percov2_demo.metrics.picture import check_pair


MIN_PICTURES = 2048
"""Pictures from which on FID of whole ones is given: with fewer, the covariance of 2,048 features is singular."""

KID_SUBSET = 1000
"""Pictures of a subset, as KID's authors take (Bińkowski et al., ICLR 2018)."""

CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0

BATCH = 32


def patches(picture: Tensor, side: int = 64, stride: int | None = None, shifted: bool = False) -> Tensor:
    """Square patches of a picture on a regular grid, `(N, 3, side, side)`; what is left over at the edges is dropped.

    Protocols: HiFiC (Mentzer et al., NeurIPS 2020, appendix A.7) takes patches of 256 pixels side by side and, with
    `shifted`, those of a second grid that starts 128 pixels in; CoD takes patches of 64 pixels on Kodak.

    Args:
        picture: Picture `(3, H, W)`.
        side: Side of a patch in pixels.
        stride: Pixels from one patch to the next; a whole side where it is None.
        shifted: Adds the grid that starts half a side in from the top and the left.

    Raises:
        ValueError: The picture is smaller than a patch.
    """
    if min(picture.shape[-2:]) < side:
        height, width = picture.shape[-2:]
        raise ValueError(f"patches of {side} pixels do not fit into a picture of {width}x{height} pixels")
    starts = [0, side // 2] if shifted else [0]
    grids = [_grid(picture[:, start:, start:], side, stride or side) for start in starts]
    return torch.cat(grids)


def _grid(picture: Tensor, side: int, stride: int) -> Tensor:
    if min(picture.shape[-2:]) < side:
        return picture.new_empty(0, picture.shape[0], side, side)
    windows = picture.unfold(1, side, stride).unfold(2, side, stride)
    return windows.permute(1, 2, 0, 3, 4).flatten(0, 1)


def cmmd(first: Tensor, second: Tensor) -> float:
    """CLIP maximum mean discrepancy of two sets of embeddings, 0 for equal sets, lower is better.

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
    inception: nn.Module | None = None,
    clip: Clip | None = None,
    patch_side: int = 64,
    shifted: bool = False,
    min_pictures: int = MIN_PICTURES,
    device: torch.device | str = "cpu",
) -> dict[str, float | int | None]:
    """Distances between originals and reconstructions as sets, lower is better.

    FID and KID of whole pictures are None below `min_pictures`: PerCo (Careil et al., ICLR 2024) refuses FID on
    Kodak's 24 for that reason. Those of patches are given for any set, and mean something where there are some
    thousands of patches; they compare only with figures of the same patches.

    Args:
        originals: Pictures `(3, H, W)` in [0, 1]; whole-picture metrics need them of one size.
        reconstructions: A picture of the same size for each.
        inception: Network from pictures `(B, 3, h, w)` in [0, 1] to features `(B, D)`, with the attribute
            `num_features`; torchmetrics' Inception with 2,048 features where it is None.
        clip: CLIP for `cmmd`, which the paper takes at 336 pixels; without it `cmmd` is None.
        patch_side: Side of the patches in pixels.
        shifted: Whether `patches` adds its shifted grid.
        min_pictures: Pictures from which on `fid` and `kid` are given.
        device: Where the networks run.

    Returns:
        `pictures` and `patches`, how many there are in each set; `fid`, `kid`, `patch_fid`, `patch_kid` and `cmmd`.

    Raises:
        MetricUnavailable: torchmetrics, or its Inception, is neither installed nor reachable.
        ValueError: There is no pair, the numbers or sizes differ, or a picture is smaller than a patch.
    """
    originals, reconstructions = list(originals), list(reconstructions)
    if not originals or len(originals) != len(reconstructions):
        raise ValueError(
            f"{len(originals)} originals and {len(reconstructions)} reconstructions: "
            "give at least one picture and a reconstruction of each"
        )
    for pair in zip(originals, reconstructions, strict=True):
        check_pair(*pair)
    sets = (originals, reconstructions)
    cut = [torch.cat([patches(picture, patch_side, shifted=shifted) for picture in pictures]) for pictures in sets]
    if len(cut[0]) < 2:
        raise ValueError("one patch is no distribution: give more pictures, or smaller patches")
    patch_fid, patch_kid = _inception_distances(*cut, inception, device)
    enough = len(originals) >= min_pictures
    fid, kid = _inception_distances(originals, reconstructions, inception, device) if enough else (None, None)
    discrepancy = None
    if clip is not None:
        discrepancy = cmmd(*(torch.stack([clip.embed_picture(picture) for picture in pictures]) for pictures in sets))
    return {
        "pictures": len(originals),
        "patches": len(cut[0]),
        "fid": fid,
        "kid": kid,
        "patch_fid": patch_fid,
        "patch_kid": patch_kid,
        "cmmd": discrepancy,
    }


def _inception_distances(
    originals: Sequence[Tensor] | Tensor,
    reconstructions: Sequence[Tensor] | Tensor,
    inception: nn.Module | None,
    device: torch.device | str,
) -> tuple[float, float]:
    """FID and KID of pictures of one size."""
    subset = min(KID_SUBSET, len(originals))
    # All pictures at once make one subset: more would only repeat it.
    subsets = 1 if subset == len(originals) else 100
    fid, kid = _build(inception, subset, subsets)
    for metric in (fid.to(device), kid.to(device)):
        for pictures, real in ((originals, True), (reconstructions, False)):
            for start in range(0, len(pictures), BATCH):
                metric.update(torch.stack(list(pictures[start : start + BATCH])).to(device), real=real)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return float(fid.compute()), float(kid.compute()[0])


def _build(inception: nn.Module | None, subset: int, subsets: int) -> tuple[nn.Module, nn.Module]:
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance

        feature = 2048 if inception is None else inception
        return (
            FrechetInceptionDistance(feature, normalize=True),
            KernelInceptionDistance(feature, subsets=subsets, subset_size=subset, normalize=True),
        )
    except (ImportError, OSError) as error:
        raise MetricUnavailable(
            "FID and KID unavailable: install torchmetrics and torch-fidelity, which fetches the weights of Inception"
        ) from error
