"""The hyper-decoder: from `z_hat` to the flow transformer's condition and a first estimate of the latent.

The estimate is D_initial of the two-part decoder in "So what you compress, you can decompress" (SWYCC, section
3.1): the flow model only has to add what the indices cannot tell.
"""

import math

from torch import Tensor, nn

from percov2_demo.models.autoencoder import ResidualBlock


class HyperDecoder(nn.Module):
    """`(estimate, features)` at latent resolution from `z_hat` at the resolution of the grid.

    Args:
        stride: Latent positions per index along each side: a power of two.
        in_channels: Channels of `z_hat`.
        latent_channels: Channels of the estimate.
        feature_channels: Channels of the features that go to the flow transformer beside the estimate.
        width: Channels inside.
        blocks: Residual blocks at the resolution of the grid; one more follows each doubling.
    """

    def __init__(
        self,
        stride: int,
        in_channels: int,
        latent_channels: int = 16,
        feature_channels: int = 16,
        width: int = 96,
        blocks: int = 3,
    ):
        super().__init__()
        self.latent_channels = latent_channels
        doublings = [
            layer
            for _ in range(int(math.log2(stride)))
            for layer in (nn.Conv2d(width, 4 * width, 1), nn.PixelShuffle(2), ResidualBlock(width))
        ]
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1),
            *(ResidualBlock(width) for _ in range(blocks)),
            *doublings,
            nn.SiLU(),
            nn.Conv2d(width, latent_channels + feature_channels, 3, padding=1),
        )

    def forward(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        output = self.layers(z_hat)
        return output[:, : self.latent_channels], output[:, self.latent_channels :]
