"""Distance of two pictures by a pretrained classifier's features, under random views, as a loss."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from percov2_demo.metrics.efficientnet_lite import load_efficientnet_lite


STAGES = (1, 2, 3, 5, 7)
"""Stages whose features are compared: strides of 2 to 32 pixels."""

VARIANTS = (0, 1)
"""The networks that are trained on, by turns; figures are shown by another, which training never sees."""

SCALES = (0.7, 1.1)
"""Range of the views' scales."""

OFFSETS = 16
"""Pixels by which a view may begin later, so that no grid of the network lies on a grid of the decoder."""


class DeepFeatureLoss:
    """Deep distance under a random view of both pictures, by a network drawn for each batch.

    What one network alone likes is half of what training on it gives, so there are two.
    A network's features have blind spots, which a decoder finds; random views, the same for both pictures, close them
    (E-LPIPS, Kettunen et al., arXiv 1906.03973). It is no module, as it has nothing to train, save or share out.
    """

    def __init__(self, device: torch.device):
        self.networks = [load_efficientnet_lite(variant, STAGES).to(device) for variant in VARIANTS]

    def __call__(self, pictures: Tensor, originals: Tensor) -> Tensor:
        """Compute distances `(B,)`, with gradients to the first, of pictures `(B, 3, H, W)` in [-1, 1]."""
        network = self.networks[int(torch.randint(len(self.networks), ()))]
        with torch.no_grad():
            view = _random_view()
            wanted = [F.normalize(features, dim=1) for features in network(view(originals))]
        given = [F.normalize(features, dim=1) for features in network(view(pictures))]
        distances = [
            (first - second).square().sum(1).mean((1, 2)) for first, second in zip(given, wanted, strict=True)
        ]
        return torch.stack(distances).mean(0)

    def __deepcopy__(self, copied: dict[int, object]) -> "DeepFeatureLoss":
        """Return this itself: copies of an objective differ in what is trained alone."""
        return self


def _random_view() -> Callable[[Tensor], Tensor]:
    """Draw a crop, a scale and a mirroring, to be given to every batch."""
    top, left = (int(torch.randint(OFFSETS, ())) for _ in range(2))
    scale = float(torch.empty(()).uniform_(*SCALES))
    mirrored = bool(torch.rand(()) < 0.5)

    def view(batch: Tensor) -> Tensor:
        batch = batch[..., top:, left:]
        size = [round(scale * side) for side in batch.shape[-2:]]
        batch = F.interpolate(batch, size, mode="bilinear", antialias=scale < 1)
        return batch.flip(-1) if mirrored else batch

    return view
