"""A transformer's position table cut to the sizes that are needed."""

import torch
from diffusers import SD3Transformer2DModel

from percov2_demo.errors import ModelError


@torch.no_grad()
def crop_positions(transformer: SD3Transformer2DModel, size: int) -> SD3Transformer2DModel:
    """Copy a transformer with a position table of `size` patches a side, and the same output up to there.

    SD3's transformer takes the middle of its table for a smaller picture, so the middle is what is kept.

    Raises:
        ModelError: The table is smaller than that, or the two do not have the same middle.
    """
    full = transformer.config.pos_embed_max_size
    if size > full or (full - size) % 2:
        raise ModelError(
            f"a position table of {full} patches a side cannot be cut to {size}: leave out an even number"
        )
    state = transformer.state_dict()
    table = state["pos_embed.pos_embed"].unflatten(1, (full, full))
    start = (full - size) // 2
    kept = table[:, start : start + size, start : start + size].flatten(1, 2).contiguous()
    cropped = SD3Transformer2DModel.from_config(dict(transformer.config) | {"pos_embed_max_size": size})
    cropped.to(transformer.device, transformer.dtype).load_state_dict(state | {"pos_embed.pos_embed": kept})
    return cropped.train(transformer.training)
