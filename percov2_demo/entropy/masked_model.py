"""One network that predicts the hidden indices of a map from those known, for all presets, schedules and sizes.

It is a masked image model as PerCoV2's, but its blocks look around with a depthwise convolution and a mean over the
map where a transformer has attention (as ConvNeXt, Liu et al., arXiv 2201.03545): neighbours tell most about an
index, time grows with the map's area alone, and the sums are short.
"""

import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from torch import Tensor, nn

from percov2_demo.entropy.integer_layers import (
    ACTIVATION_UNIT,
    RESIDUAL_UNIT,
    FeedForward,
    IntegerEmbedding,
    IntegerLinear,
    IntegerMatrix,
    IntegerNorm,
    round_through,
    to_activations,
)
from percov2_demo.errors import InputError
from percov2_demo.presets import get_preset


MASK = -1
"""Stands in a map for an index that is not known."""

_MEAN_GAIN = 4
"""Means over a map are small; this keeps more of them when they are rounded."""


class SpatialMixer(nn.Module):
    """Norm, depthwise convolution and mean over the map, back to the residual stream.

    Args:
        width: Channels.
        kernel: Side of the convolution's kernel, odd.
        gain: Of the starting weights.
    """

    def __init__(self, width: int, kernel: int, gain: float):
        super().__init__()
        self.kernel = kernel
        self.norm = IntegerNorm(width)
        self.around = IntegerMatrix(width, kernel**2, gain / kernel)
        self.mean = IntegerLinear(width, width, gain)

    def forward(self, x: Tensor) -> Tensor:
        """Map a residual stream `(B, rows, columns, width)` to the same."""
        activations = self.norm(x)
        weight, scale, offset = self.around()
        cells = activations.shape[1] * activations.shape[2]
        mean = to_activations(activations.sum((1, 2), keepdim=True) * _MEAN_GAIN / cells)
        around = (self._convolve(activations, weight) + offset) * (scale * (RESIDUAL_UNIT / ACTIVATION_UNIT))
        return x + round_through(around) + round_through(self.mean(mean, RESIDUAL_UNIT))

    def _convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """Sum below 2**21; should a library divide, as Winograd's way does, rounding undoes its errors."""
        kernels = weight.view(-1, 1, self.kernel, self.kernel)
        sums = F.conv2d(x.movedim(-1, 1), kernels, padding=self.kernel // 2, groups=len(kernels))
        return round_through(sums.movedim(1, -1))


class PresetSymbols(nn.Module):
    """Vectors of a preset's indices, of the mask and of positions.

    Args:
        codebook_size: Number of indices.
        width: Channels.
        zones: Parts that each side of a map is divided into.
    """

    def __init__(self, codebook_size: int, width: int, zones: int):
        super().__init__()
        self.codebook_size, self.zones = codebook_size, zones
        self.indices = IntegerEmbedding(codebook_size + 1, width)
        self.row_zones = IntegerEmbedding(zones, width)
        self.column_zones = IntegerEmbedding(zones, width)

    def forward(self, indices: Tensor) -> Tensor:
        """Embed indices `(B, rows, columns)` in a residual stream `(B, rows, columns, width)`."""
        symbols = torch.where(indices == MASK, self.codebook_size, indices)
        rows, columns = (
            torch.arange(length, device=indices.device) * self.zones // length for length in indices.shape[1:]
        )
        return self.indices(symbols) + self.row_zones(rows)[:, None] + self.column_zones(columns)

    def logits(self, x: Tensor) -> Tensor:
        """Predict integer logits `(..., codebook_size)` of activations `(..., width)`."""
        return self.indices.logits(x)[..., : self.codebook_size]


def build_trunk(width: int, blocks: int, hidden: int, kernel: int) -> nn.Sequential:
    """Build the blocks that look around in a map; arguments as of `MaskedModel`."""
    gain = (2 * blocks) ** -0.5
    trunk = nn.Sequential()
    for _ in range(blocks):
        trunk.extend([SpatialMixer(width, kernel, gain), FeedForward(width, hidden, gain)])
    return trunk


class MaskedModel(ModelMixin, ConfigMixin):
    """Probabilities of hidden indices.

    Args:
        presets: Names of the presets the model serves.
        width: Channels.
        blocks: Number of blocks.
        hidden: Channels inside the feed-forward layers.
        kernel: Side of the convolutions' kernels, odd.
        zones: Parts that each side of a map is divided into, to tell top from bottom and left from right.
    """

    @register_to_config
    def __init__(
        self,
        presets: tuple[str, ...] = ("ultra-low", "low", "extreme-low"),
        width: int = 160,
        blocks: int = 6,
        hidden: int = 512,
        kernel: int = 7,
        zones: int = 8,
    ):
        super().__init__()
        self.symbols = nn.ModuleDict(
            {name: PresetSymbols(get_preset(name).codebook_size, width, zones) for name in presets}
        )
        self.trunk = build_trunk(width, blocks, hidden, kernel)
        self.norm = IntegerNorm(width)

    def forward(self, indices: Tensor, preset: str, positions: Tensor | None = None) -> Tensor:
        """Predict integer logits, float32 `(B, rows, columns, codebook_size)`, in units of 1/64.

        Args:
            indices: `(B, rows, columns)` int64, with `MASK` where an index is not known.
            preset: Name of the preset.
            positions: N positions in the flattened map whose logits `(B, N, codebook_size)` are wanted; None for all.

        Raises:
            InputError: The model does not serve the preset.
        """
        if preset not in self.symbols:
            raise InputError(f"this entropy model does not serve {preset}")
        with torch.autocast(indices.device.type, enabled=False):
            symbols = self.symbols[preset]
            hidden = self.trunk(symbols(indices))
            if positions is not None:
                hidden = hidden.flatten(1, 2)[:, positions]
            return symbols.logits(self.norm(hidden))
