"""The caption model by next-token prediction."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.integer_layers import LOGIT_UNIT


_IGNORED = -100
_LENGTH_CLASSES = 8


class CaptionObjective(nn.Module):
    """Cross-entropy a caption, its final mark included."""

    def __init__(self, model: CaptionModel):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Compute the loss, and the mean caption in bytes, on tokens and what follows each, `(B, L)`."""
        logits = self.model(tokens) / LOGIT_UNIT
        nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=_IGNORED, reduction="sum")
        return {"loss": nats / (targets != _IGNORED).sum(), "bytes": nats.detach() / (np.log(256) * len(tokens))}


class CaptionBatches:
    """Random captions between marks, those that exceed the model's context left out.

    Args:
        captions: The captions.
        model: The model whose tokens they are made of.
        batch_size: Captions a batch.
        seed: Seed of the data order.
        device: Where the batches go.
    """

    def __init__(self, captions: Sequence[str], model: CaptionModel, batch_size: int, seed: int, device: torch.device):
        self.batch_size, self.seed, self.device, self.mark = batch_size, seed, device, model.mark
        tokens = [model.tokenize(caption) for caption in captions]
        self.tokens = [torch.tensor(caption) for caption in tokens if len(caption) < model.config.context]

    def __call__(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.seed, step))
        # Captions of about the same length, so that there is little padding.
        drawn = rng.integers(len(self.tokens), size=(_LENGTH_CLASSES * self.batch_size))
        pool = sorted(drawn, key=lambda number: len(self.tokens[number]))
        start = self.batch_size * int(rng.integers(_LENGTH_CLASSES))
        captions = [self.tokens[number] for number in pool[start : start + self.batch_size]]
        mark = torch.tensor([self.mark])
        pad = nn.utils.rnn.pad_sequence
        tokens = pad([torch.cat([mark, caption]) for caption in captions], True, self.mark)
        targets = pad([torch.cat([caption, mark]) for caption in captions], True, _IGNORED)
        return {"tokens": tokens.to(self.device), "targets": targets.to(self.device)}
