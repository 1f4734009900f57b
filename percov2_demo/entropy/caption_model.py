"""A small causal language model of captions, in integers, on a byte-level tokenizer that loses nothing."""

import json
from collections.abc import Iterable
from functools import cached_property

import torch
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

from percov2_demo.entropy.integer_layers import (
    ACTIVATION_UNIT,
    LOGIT_UNIT,
    RESIDUAL_UNIT,
    FeedForward,
    IntegerEmbedding,
    IntegerLinear,
    IntegerModule,
    IntegerNorm,
    exponentials,
    round_through,
    to_activations,
)


_EXPONENTIAL_BITS = 12
_ATTENTION_BITS = 15
"""Attention weights add up to 2**15 but for roundings, so that sums of values of at most 255 stay below 2**24."""


class DistanceBias(IntegerModule):
    """Integer logits by distance into the past, for each head.

    Args:
        heads: Attention heads.
        context: Number of distances.
    """

    def __init__(self, heads: int, context: int):
        super().__init__()
        self.register_buffer("bias", torch.zeros(heads, context, dtype=torch.int32))
        self.register_parameter("real_bias", None)

    def make_trainable(self) -> None:
        self.real_bias = nn.Parameter(torch.zeros(self.bias.shape))

    def freeze(self) -> None:
        self.bias.copy_(torch.round(self.real_bias * LOGIT_UNIT))
        self.real_bias = None

    def forward(self, length: int) -> Tensor:
        """Return `(heads, length, length)`; what lies in the future is so low that it has no weight."""
        bias = self.bias.float() if self.real_bias is None else round_through(self.real_bias * LOGIT_UNIT)
        positions = torch.arange(length, device=bias.device)
        distance = positions[:, None] - positions
        return torch.where(distance >= 0, bias[:, distance.clamp(min=0)], -(2.0**22))


class CausalAttention(nn.Module):
    """Norm, self-attention on the past, linear, back to the residual stream.

    Args:
        width: Channels.
        heads: Attention heads.
        context: Longest sequence.
        gain: Of the last layer's starting weights.
    """

    def __init__(self, width: int, heads: int, context: int, gain: float):
        super().__init__()
        self.heads = heads
        self.norm = IntegerNorm(width)
        self.project_in = IntegerLinear(width, 3 * width)
        self.distance_bias = DistanceBias(heads, context)
        self.project_out = IntegerLinear(width, width, gain)

    def forward(self, x: Tensor) -> Tensor:
        """Map a residual stream `(B, L, width)` to the same."""
        activations = to_activations(self.project_in(self.norm(x), ACTIVATION_UNIT))
        query, key, value = activations.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # A power of two below the customary root of the head's width.
        divisor = 2 ** (query.shape[-1].bit_length() // 2 - 1) * ACTIVATION_UNIT**2
        scores = round_through(query @ key.mT * (LOGIT_UNIT / divisor)) + self.distance_bias(x.shape[1])
        weights = _attention_weights(scores)
        # In two parts, so that here too all factors are small.
        high = torch.floor(weights / 256)
        mixed = (high @ value * 256 + (weights - 256 * high) @ value) * 2.0**-_ATTENTION_BITS
        return x + round_through(self.project_out(to_activations(mixed.transpose(1, 2).flatten(2)), RESIDUAL_UNIT))


def _attention_weights(scores: Tensor) -> Tensor:
    """Compute the softmax of at most 4096 integer scores `(..., L)` as integer weights in units of 2**-15."""
    table = torch.from_numpy(exponentials(_EXPONENTIAL_BITS)).to(scores.device, torch.float32)
    with torch.no_grad():
        below = scores.amax(-1, keepdim=True) - scores
        exponential = table[below.clamp(max=len(table) - 1).long()]
        weights = torch.round(exponential * 2.0**_ATTENTION_BITS / exponential.sum(-1, keepdim=True))
    if not torch.is_grad_enabled():
        return weights
    smooth = (scores / LOGIT_UNIT).softmax(-1) * 2.0**_ATTENTION_BITS
    return smooth + (weights - smooth).detach()


class CaptionModel(ModelMixin, ConfigMixin):
    """Probabilities of a caption's next token.

    The tokenizer is part of the model: 256 bytes, then one entry a merge. The last symbol is the mark that stands
    before and after a caption.

    Args:
        merges: Merges of the byte-pair encoding, `"left right"` each, as `learn_merges` gives them.
        width: Channels.
        layers: Number of blocks.
        heads: Attention heads of a block.
        hidden: Channels inside the feed-forward layers.
        context: Most tokens of a caption, the mark included.
    """

    @register_to_config
    def __init__(
        self,
        merges: tuple[str, ...] = (),
        width: int = 160,
        layers: int = 3,
        heads: int = 5,
        hidden: int = 512,
        context: int = 64,
    ):
        super().__init__()
        gain = (2 * layers) ** -0.5
        self.embedding = IntegerEmbedding(self.mark + 1, width)
        blocks = [
            (CausalAttention(width, heads, context, gain), FeedForward(width, hidden, gain)) for _ in range(layers)
        ]
        self.blocks = nn.Sequential(*(part for block in blocks for part in block))
        self.norm = IntegerNorm(width)

    @property
    def mark(self) -> int:
        """The symbol before and after a caption."""
        return 256 + len(self.config.merges)

    def forward(self, tokens: Tensor) -> Tensor:
        """Predict integer logits, float32 `(B, L, mark + 1)`, of what follows each of the tokens `(B, L)` int64."""
        with torch.autocast(tokens.device.type, enabled=False):
            return self.embedding.logits(self.norm(self.blocks(self.embedding(tokens))))

    def tokenize(self, text: str) -> list[int]:
        """Split any text into tokens; a space is put before it, so that its first word is known from within."""
        return self._tokenizer.encode(" " + text).ids

    def detokenize(self, tokens: list[int]) -> str:
        """Join tokens to their text; bytes that are no UTF-8 become replacement characters."""
        return self._tokenizer.decode(tokens)[1:]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        pairs = [tuple(merge.split(" ")) for merge in self.config.merges]
        entries = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(left + right for left, right in pairs)]
        tokenizer = Tokenizer(models.BPE({entry: number for number, entry in enumerate(entries)}, pairs))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        return tokenizer


def learn_merges(captions: Iterable[str], vocabulary_size: int) -> tuple[str, ...]:
    """Learn merges of a byte-pair encoding (Sennrich et al., arXiv 1508.07909) from captions.

    Args:
        captions: The text to learn from.
        vocabulary_size: Symbols of the model: the bytes, the merges and the mark.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - 1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator((" " + caption for caption in captions), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return tuple(" ".join(pair) for pair in merges)
