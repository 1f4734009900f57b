"""Captions to the flow transformer's text condition, with SD3's arrangement of up to three text encoders."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class TextCondition:
    """Token embeddings `(B, L, joint_attention_dim)` and pooled embeddings `(B, pooled_projection_dim)`."""

    tokens: Tensor
    pooled: Tensor

    def repeat(self, count: int) -> "TextCondition":
        """Each caption `count` times in a row."""
        return TextCondition(self.tokens.repeat_interleave(count, 0), self.pooled.repeat_interleave(count, 0))


def encode_text(
    captions: Sequence[str],
    clip: Sequence[tuple[PreTrainedTokenizerBase, PreTrainedModel]],
    t5: tuple[PreTrainedTokenizerBase, PreTrainedModel] | None,
    joint_attention_dim: int,
) -> TextCondition:
    """Encodes captions as Stable Diffusion 3 does (Esser et al., arXiv 2403.03206, figure 2).

    The penultimate hidden states of the CLIP encoders stand side by side, zero-padded to `joint_attention_dim`; T5's
    follow them along the sequence. A model with two CLIP encoders but without T5 gets zeros in T5's place, which is
    how SD3 was trained to do without it.

    Args:
        captions: Captions; longer ones are cut to the tokenizer's length.
        clip: One or two tokenizers with their CLIP text encoders with projection.
        t5: T5's tokenizer and encoder, or None.
        joint_attention_dim: Width of the transformer's text stream.
    """
    hidden, pooled = [], []
    for tokenizer, encoder in clip:
        output = encoder(_token_ids(tokenizer, captions, encoder.device), output_hidden_states=True)
        hidden.append(output.hidden_states[-2])
        pooled.append(output.text_embeds)
    tokens = torch.cat(hidden, dim=-1)
    tokens = F.pad(tokens, (0, joint_attention_dim - tokens.shape[-1]))
    if t5 is not None:
        tokenizer, encoder = t5
        tokens = torch.cat([tokens, encoder(_token_ids(tokenizer, captions, encoder.device))[0].to(tokens)], dim=1)
    elif len(clip) > 1:
        tokens = torch.cat([tokens, torch.zeros_like(tokens)], dim=1)
    return TextCondition(tokens, torch.cat(pooled, dim=-1))


def _token_ids(tokenizer: PreTrainedTokenizerBase, captions: Sequence[str], device: torch.device) -> Tensor:
    length = min(tokenizer.model_max_length, 256)
    return tokenizer(
        list(captions), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids.to(device)
