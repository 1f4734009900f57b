"""Convolutions whose weights are stored as 8-bit integers: half the bytes of half precision.

Weights are symmetric with one scale per output channel (Krishnamoorthi, arXiv 1806.08342); activations and
arithmetic stay real numbers. The largest weight of a channel sets its scale: clipping it at any other value
lowers the squared error of the embedded model's weights by 0.05 dB at most.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


WEIGHT_LIMIT = 127


class QuantizedConv2d(nn.Module):
    """A convolution with the weights of another, to half a step.

    An output channel's step is a 127th of its largest weight, or 6.1e-5 where that is more.

    Args:
        convolution: The convolution, zero-padded and without groups or dilation; it stays as it is but shares its
            bias.
    """

    @torch.no_grad()
    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        self.stride, self.padding = convolution.stride, convolution.padding
        weight = convolution.weight
        if weight.is_meta:
            # A model that is being loaded has no values to round yet.
            integers, scale = torch.empty_like(weight, dtype=torch.int8), weight.new_empty(len(weight), 1, 1, 1)
        else:
            integers, scale = _round(weight.float())
        self.register_buffer("weight", integers)
        self.register_buffer("scale", scale.to(weight.dtype))
        self.bias = convolution.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, in_channels, H, W)` to `(B, out_channels, H', W')`."""
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


def _round(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round to integers, with a scale for each output channel."""
    # Half precision holds the scale exactly, so storing the model in half precision changes nothing.
    tiny = torch.finfo(torch.float16).tiny
    scale = (weight.abs().amax((1, 2, 3), keepdim=True) / WEIGHT_LIMIT).clamp(min=tiny).half()
    return torch.round(weight / scale.float()).to(torch.int8), scale


def quantize_convolutions(network: nn.Module) -> None:
    """Put a `QuantizedConv2d` in the place of every convolution inside a network."""
    for name, child in network.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(network, name, QuantizedConv2d(child))
        else:
            quantize_convolutions(child)


def restore_convolutions(network: nn.Module) -> None:
    """Put a convolution of real weights, which can be trained, in the place of every `QuantizedConv2d` inside."""
    for name, child in network.named_children():
        if isinstance(child, QuantizedConv2d):
            weight = child.weight * child.scale
            convolution = nn.Conv2d(
                weight.shape[1], weight.shape[0], weight.shape[2:], child.stride, child.padding, device=weight.device
            )
            convolution.weight, convolution.bias = nn.Parameter(weight), child.bias
            setattr(network, name, convolution)
        else:
            restore_convolutions(child)
