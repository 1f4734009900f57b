"""A 16-channel SD3 checkpoint made to take the indices' condition beside the noisy latent."""

import torch
from diffusers import SD3Transformer2DModel
from torch import nn


@torch.no_grad()
def widen_input(transformer: SD3Transformer2DModel, condition_channels: int) -> SD3Transformer2DModel:
    """Make a transformer's patch embedding take `condition_channels` more input channels, and return it.

    The added weights are zero, so that the output is what it was whatever the condition is, until training changes
    them (as PerCo (SD) extends the input of its U-Net). All other weights stay where they are: a second copy of two
    billion parameters would be in nobody's interest.
    """
    old = transformer.pos_embed.proj
    new = nn.Conv2d(
        old.in_channels + condition_channels,
        old.out_channels,
        old.kernel_size,
        old.stride,
        bias=old.bias is not None,
        device=old.weight.device,
        dtype=old.weight.dtype,
    )
    new.weight.zero_()
    new.weight[:, : old.in_channels] = old.weight
    new.bias = old.bias
    transformer.pos_embed.proj = new
    transformer.register_to_config(in_channels=new.in_channels)
    return transformer
