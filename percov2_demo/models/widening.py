"""A 16-channel SD3 checkpoint made to take the indices' condition beside the noisy latent."""

import torch
from diffusers import SD3Transformer2DModel


@torch.no_grad()
def widen_input(transformer: SD3Transformer2DModel, condition_channels: int) -> SD3Transformer2DModel:
    """A copy of a transformer whose patch embedding takes `condition_channels` more input channels.

    The added weights are zero, so that the copy's output is that of the original whatever the condition is, until
    training changes them (as PerCo (SD) extends the input of its U-Net).
    """
    config = dict(transformer.config) | {"in_channels": transformer.config.in_channels + condition_channels}
    widened = SD3Transformer2DModel.from_config(config).to(transformer.device, transformer.dtype)
    state = transformer.state_dict()
    weight = state["pos_embed.proj.weight"]
    added = weight.new_zeros(weight.shape[0], condition_channels, *weight.shape[2:])
    widened.load_state_dict(state | {"pos_embed.proj.weight": torch.cat([weight, added], dim=1)})
    return widened.train(transformer.training)
