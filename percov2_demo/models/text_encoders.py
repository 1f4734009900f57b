"""Captions to the flow transformer's text condition, with SD3's arrangement of up to three text encoders."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase


T5_TOKENS = 256
"""Tokens that SD3 gives to T5; its tokenizer itself has no limit."""


@dataclass(frozen=True)
class TextCondition:
    """Token embeddings `(B, L, joint_attention_dim)` and pooled embeddings `(B, pooled_projection_dim)`."""

    tokens: Tensor
    pooled: Tensor

    def __getitem__(self, texts: slice) -> "TextCondition":
        """Return the condition of some of the texts."""
        return TextCondition(self.tokens[texts], self.pooled[texts])


def encode_text(
    captions: Sequence[str],
    clip: Sequence[tuple[PreTrainedTokenizerBase, PreTrainedModel]],
    t5: tuple[PreTrainedTokenizerBase, PreTrainedModel] | None,
    joint_attention_dim: int,
) -> TextCondition:
    """Encode captions as Stable Diffusion 3 does (Esser et al., arXiv 2403.03206, figure 2).

    T5's tokens follow CLIP's along the sequence. A model with two CLIP encoders but without T5 gets zeros in T5's
    place, which is how SD3 was trained to do without it.

    Args:
        captions: Captions; longer ones are cut to the tokenizer's length.
        clip: One or two tokenizers with their CLIP text encoders with projection.
        t5: T5's tokenizer and encoder, or None.
        joint_attention_dim: Width of the transformer's text stream.
    """
    token_ids = [tokenize(tokenizer, captions).to(encoder.device) for tokenizer, encoder in clip]
    text = encode_clip(token_ids, [encoder for _, encoder in clip], joint_attention_dim)
    if t5 is not None:
        tokenizer, encoder = t5
        more = encoder(tokenize(tokenizer, captions).to(encoder.device))[0].to(text.tokens)
    elif len(clip) > 1:
        more = text.tokens.new_zeros(len(captions), T5_TOKENS, joint_attention_dim)
    else:
        return text
    return TextCondition(torch.cat([text.tokens, more], dim=1), text.pooled)


def encode_clip(
    token_ids: Sequence[Tensor], encoders: Sequence[PreTrainedModel], joint_attention_dim: int
) -> TextCondition:
    """Encode CLIP's part of the condition: penultimate hidden states side by side, zero-padded in width.

    Args:
        token_ids: Token ids `(B, L)` for each encoder.
        encoders: CLIP text encoders with projection.
        joint_attention_dim: Width of the transformer's text stream.
    """
    outputs = [encoder(ids, output_hidden_states=True) for ids, encoder in zip(token_ids, encoders, strict=True)]
    tokens = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
    tokens = F.pad(tokens, (0, joint_attention_dim - tokens.shape[-1]))
    return TextCondition(tokens, torch.cat([output.text_embeds for output in outputs], dim=-1))


def tokenize(tokenizer: PreTrainedTokenizerBase, captions: Sequence[str]) -> Tensor:
    """Split captions into token ids `(B, L)`, padded and cut to the tokenizer's length."""
    length = min(tokenizer.model_max_length, T5_TOKENS)
    return tokenizer(
        list(captions), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids
