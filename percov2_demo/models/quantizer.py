"""Vector quantisation by cosine similarity, its codebook learned by exponential moving averages.

As in PerCo (SD): features are projected to short unit vectors and replaced by the nearest code; the codebook follows
the features without a commitment loss (van den Oord et al., 2017, appendix A.1; Yu et al., 2021, for cosine codes).
"""

from collections.abc import Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


class VectorQuantizer(nn.Module):
    """Features to indices and back to `z_hat`.

    Args:
        channels: Channels of the features and of `z_hat`.
        codebook_size: Number of codes.
        code_channels: Length of a code (32 in PerCo).
        decay: Decay of the moving averages.
        dead_below: A code whose moving average of uses a step falls below this is replaced by a feature of the batch.
    """

    def __init__(
        self,
        channels: int,
        codebook_size: int,
        code_channels: int = 32,
        decay: float = 0.97,
        dead_below: float = 0.02,
    ):
        super().__init__()
        self.decay, self.dead_below = decay, dead_below
        self.project_in = nn.Conv2d(channels, code_channels, 1)
        self.project_out = nn.Conv2d(code_channels, channels, 1)
        codes = F.normalize(torch.randn(codebook_size, code_channels), dim=-1)
        self.register_buffer("codebook", codes)
        self.register_buffer("code_sums", codes.clone())
        self.register_buffer("code_uses", torch.ones(codebook_size))
        self._seen: list[tuple[Tensor, Tensor]] = []

    def encode(self, features: Tensor) -> Tensor:
        """Encode features `(B, channels, h, w)` to indices `(B, h, w)` int64."""
        return self._nearest(self._unit_vectors(features))

    def decode(self, indices: Tensor) -> Tensor:
        """Decode indices `(B, h, w)` to `z_hat`, `(B, channels, h, w)`."""
        return self.project_out(self.codebook[indices].movedim(-1, 1).to(self.project_out.weight.dtype))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return `(z_hat, indices)`; gradients pass straight through, and in training `follow` gets the features."""
        vectors = self._unit_vectors(features)
        indices = self._nearest(vectors)
        codes = self.codebook[indices]
        if self.training:
            self._seen.append((vectors.detach(), indices))
        straight_through = vectors + (codes - vectors).detach()
        return self.project_out(straight_through.movedim(-1, 1)), indices

    def _unit_vectors(self, features: Tensor) -> Tensor:
        return F.normalize(self.project_in(features).float().movedim(1, -1), dim=-1)

    def _nearest(self, vectors: Tensor) -> Tensor:
        # Full precision even under autocast: the choice of a code decides the stream.
        with torch.autocast(vectors.device.type, enabled=False):
            return (vectors @ self.codebook.float().T).argmax(-1)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the codebook towards all features since the last call, of all processes, as of a single batch.

        To be called once a step of the optimiser, in however many parts its batch came.
        """
        if not self._seen:
            return
        vectors, indices = (_whole_batch(parts) for parts in zip(*self._seen, strict=True))
        self._seen.clear()
        vectors, indices = vectors.flatten(0, -2), indices.flatten()
        uses = torch.bincount(indices, minlength=len(self.codebook)).float()
        sums = torch.zeros_like(self.code_sums).index_add_(0, indices, vectors)
        self.code_uses.lerp_(uses, 1 - self.decay)
        self.code_sums.lerp_(sums, 1 - self.decay)
        dead = self.code_uses < self.dead_below
        if dead.any():
            seeds = vectors[torch.randint(len(vectors), (int(dead.sum()),), device=vectors.device)]
            self.code_sums[dead] = seeds
            self.code_uses[dead] = 1.0
        self.codebook.copy_(F.normalize(self.code_sums, dim=-1))


def _whole_batch(parts: Sequence[Tensor]) -> Tensor:
    """Gather samples `(B, ...)` in the order of the whole batch, of which each process has every so many."""
    samples = torch.stack(list(parts), dim=1).flatten(0, 1)
    if not dist.is_initialized():
        return samples
    gathered = [torch.empty_like(samples) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, samples)
    return torch.stack(gathered, dim=1).flatten(0, 1)
