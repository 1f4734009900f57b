"""Low-rank updates in place of a transformer's own weights, for machines that cannot hold the optimiser's state."""

from diffusers import SD3Transformer2DModel

from percov2_demo.errors import InputError


TARGETS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "add_q_proj",
    "add_k_proj",
    "add_v_proj",
    "to_add_out",
)
"""The linear layers of SD3's attention, of the picture's stream and of the text's."""


def add_lora(transformer: SD3Transformer2DModel, rank: int) -> None:
    """Freeze a transformer but for its patch embedding, which takes the condition, and low-rank updates.

    Args:
        transformer: The transformer, widened.
        rank: Rank of the updates (Hu et al., arXiv 2106.09685).

    Raises:
        InputError: The peft package is missing.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise InputError("LoRA needs the peft package: pip install peft, or set lora_rank to 0") from error
    transformer.requires_grad_(False)
    transformer.add_adapter(
        LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=list(TARGETS))
    )
    transformer.pos_embed.proj.requires_grad_(True)


def merge_lora(transformer: SD3Transformer2DModel) -> None:
    """Add the updates to the weights that they belong to."""
    transformer.fuse_lora()
    transformer.unload_lora()
