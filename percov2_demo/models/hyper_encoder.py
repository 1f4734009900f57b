"""The hyper-encoder: from the latent to one feature vector per index.

Layout of PerCo (SD) (Körber et al., arXiv 2409.20255; PerCo, Careil et al., arXiv 2310.10325, section 4.1): three
convolutions of which the last log2(stride) halve the resolution, nine bottleneck residual blocks, two gated
attention blocks as in CompressAI.
"""

import math

import torch
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """`x + 1x1(relu(3x3(relu(1x1(x)))))`, half as wide inside."""

    def __init__(self, width: int):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width // 2, 1),
            nn.ReLU(),
            nn.Conv2d(width // 2, width // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class GatedAttention(nn.Module):
    """`x + a(x) * sigmoid(b(x))`, CompressAI's simplified attention block (Cheng et al., CVPR 2020)."""

    def __init__(self, width: int):
        super().__init__()

        def trunk() -> list[nn.Module]:
            return [layer for _ in range(3) for layer in (Bottleneck(width), nn.ReLU())]

        self.value = nn.Sequential(*trunk())
        self.gate = nn.Sequential(*trunk(), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.value(x) * torch.sigmoid(self.gate(x))


class HyperEncoder(nn.Sequential):
    """Features `(B, out_channels, H/stride, W/stride)` of a latent `(B, in_channels, H, W)`.

    Args:
        stride: Latent positions per index along each side: 1, 2, 4 or 8.
        in_channels: Channels of the latent.
        width: Channels inside (192 in PerCo).
        out_channels: Channels of the features (320 in PerCo).
    """

    def __init__(self, stride: int, in_channels: int = 16, width: int = 192, out_channels: int = 320):
        if stride not in (1, 2, 4, 8):
            raise ValueError(f"a hyper-encoder has a stride of 1, 2, 4 or 8, not {stride}")
        halvings = int(math.log2(stride))

        def convolution(position: int, channels: int) -> nn.Conv2d:
            if position < 3 - halvings:
                return nn.Conv2d(channels, width, 1)
            return nn.Conv2d(channels, width, 5, stride=2, padding=2)

        super().__init__(
            convolution(0, in_channels),
            *(Bottleneck(width) for _ in range(3)),
            convolution(1, width),
            *(Bottleneck(width) for _ in range(3)),
            GatedAttention(width),
            convolution(2, width),
            *(Bottleneck(width) for _ in range(3)),
            nn.Conv2d(width, out_channels, 1),
            GatedAttention(out_channels),
        )
