"""Statistics of the deep features of real photos, and the distance of pictures from them.

`assets/metrics/photos.safetensors` holds the mean, the deviations and the correlations over some 1,800 photos, none of
which is in the repository; the stage `photo-statistics` of training makes it.
"""

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from percov2_demo.assets import ASSETS
from percov2_demo.errors import MetricError


PHOTO_STATISTICS = ASSETS / "metrics" / "photos.safetensors"

SHRINKAGE = 0.3
"""Share of the identity in the correlations that distances are measured by. Most of the features' directions hardly
vary among photos; without it those would be all that counts."""


class PhotoStatistics:
    """The distribution of a picture's mean features among photos, as far as second moments tell.

    Args:
        mean: Mean of each feature, `(C,)`.
        deviation: Standard deviation of each, `(C,)`.
        correlation: Correlations, `(C, C)`.
    """

    def __init__(self, mean: Tensor, deviation: Tensor, correlation: Tensor) -> None:
        self.mean, self.deviation, self.correlation = mean.double(), deviation.double(), correlation.double()
        identity = torch.eye(len(mean), dtype=torch.double)
        precision = torch.linalg.inv((1 - SHRINKAGE) * self.correlation + SHRINKAGE * identity)
        # The expectation of the squared distance over the photos themselves is the trace of the product.
        self._precision = precision / (precision * self.correlation).sum()

    @classmethod
    def of(cls, means: Tensor) -> "PhotoStatistics":
        """Return the statistics of photos' mean features `(N, C)`."""
        means = means.double()
        return cls(means.mean(0), means.std(0), torch.corrcoef(means.T))

    @classmethod
    def load(cls, path: Path) -> "PhotoStatistics":
        """Read the statistics that `save` wrote."""
        stored = load_file(path)
        count = len(stored["mean"])
        above = torch.zeros(count, count)
        above[tuple(torch.triu_indices(count, count, 1))] = stored["correlation"].float()
        return cls(stored["mean"], stored["deviation"], above + above.T + torch.eye(count))

    def save(self, path: Path) -> None:
        """Write the statistics; of the correlations those above the diagonal, in half precision."""
        rows, columns = torch.triu_indices(len(self.mean), len(self.mean), 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = {"mean": self.mean.float(), "deviation": self.deviation.float()}
        save_file(stored | {"correlation": self.correlation[rows, columns].half()}, path)

    def distance(self, means: Tensor) -> float:
        """Measure how far a picture is from photos: 1 is the average photo, lower is nearer.

        The squared Mahalanobis distance under shrunk correlations, over its mean among the photos.

        Args:
            means: The picture's mean features, `(C,)`.
        """
        offset = self._offsets(means)
        return float(offset @ self._precision @ offset)

    def set_distance(self, means: Tensor) -> float:
        """Measure how far a set of pictures is from photos: 0 is no difference, lower is nearer.

        The same distance between the set's mean and that of photos: what is peculiar to single pictures cancels out,
        what they have in common stays. Estimated without bias, as KID is (Bińkowski et al., ICLR 2018, lemma 6),
        from pairs of different pictures, so that small sets do not seem far; photos may come out just below 0.

        Args:
            means: The pictures' mean features, `(N, C)`, of at least two pictures.
        """
        offsets = self._offsets(means)
        products = offsets @ self._precision @ offsets.T
        count = len(offsets)
        return float((products.sum() - products.trace()) / (count * (count - 1)))

    def _offsets(self, means: Tensor) -> Tensor:
        return (means.double() - self.mean) / self.deviation


@cache
def load_photo_statistics() -> PhotoStatistics:
    """Load the statistics that the repository carries, once.

    Raises:
        MetricError: The file is missing.
    """
    if not PHOTO_STATISTICS.is_file():
        raise MetricError("deep realism unavailable: assets/metrics/photos.safetensors is missing")
    return PhotoStatistics.load(PHOTO_STATISTICS)
