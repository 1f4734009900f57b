"""The masked model by cross-entropy on hidden indices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from percov2_demo.entropy.integer_layers import LOGIT_UNIT, IntegerEmbedding
from percov2_demo.entropy.masked_model import MASK, MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.entropy.schedules import schedule
from percov2_demo.training.data.determinism import Draws


@dataclass(frozen=True)
class EntropyConfig:
    """How the stage is trained.

    Args:
        model: Arguments of `MaskedModel` but the presets.
        weights: As in `MaskedObjective`.
        schedules: As in `MaskedObjective`.
        shapes: As in `IndexBatches`.
        loop: Arguments of `LoopConfig`.
    """

    model: dict[str, Any]
    weights: dict[str, float]
    schedules: list[tuple[str, int]]
    shapes: dict[str, Sequence[tuple[int, int, float, int]]]
    loop: dict[str, Any]


class MaskedObjective(nn.Module):
    """Cross-entropy of hidden indices in bits, a part that is uniformly distributed being known.

    Half of the known parts are random, half are those that a random schedule has before one of its groups.

    Args:
        model: The model to train.
        weights: Weight of each preset's bits in the loss.
        schedules: `(name, steps)` of the schedules to prepare for.
    """

    def __init__(self, model: MaskedModel, weights: dict[str, float], schedules: list[tuple[str, int]]):
        super().__init__()
        self.model, self.weights, self.schedules = model, weights, schedules

    def forward(self, draws: Draws, **maps: Tensor) -> dict[str, Tensor]:
        """Compute losses on indices `(B, rows, columns)` by preset, and their bits an index."""
        bits = {preset: self._bits(indices, preset, draws) for preset, indices in maps.items()}
        loss = sum(self.weights[preset] * value for preset, value in bits.items())
        return {"loss": loss, **bits}

    def _bits(self, indices: Tensor, preset: str, draws: Draws) -> Tensor:
        count, rows, columns = indices.shape
        known = draw_known(self.schedules, count, rows, columns, draws).to(indices.device)
        logits = self.model(torch.where(known, indices, MASK), preset) / LOGIT_UNIT
        return hidden_bits(logits, indices, known)


def hidden_bits(logits: Tensor, indices: Tensor, known: Tensor) -> Tensor:
    """Compute the bits of a hidden index of maps `(B, rows, columns)`, of logits `(B, rows, columns, K)` in nats."""
    nats = F.cross_entropy(logits.flatten(0, 2), indices.flatten(), reduction="none").view_as(indices)
    hidden = (~known).float()
    # A map has the same weight whether much or little of it is hidden, as when its groups are coded one by one.
    return ((nats * hidden).sum((1, 2)) / hidden.sum((1, 2))).mean() / np.log(2)


def draw_known(schedules: Sequence[tuple[str, int]], count: int, rows: int, columns: int, draws: Draws) -> Tensor:
    """Draw which indices are known, `(count, rows, columns)`, at random or as one of the schedules has it."""
    cells = rows * columns
    known = torch.zeros(count, cells, dtype=torch.bool)
    for row, generator in zip(known, draws.generators(count), strict=True):
        if torch.rand((), generator=generator) < 0.5:
            order = torch.randperm(cells, generator=generator)
            order = order[: int(torch.randint(cells, (), generator=generator))]
        else:
            name, steps = schedules[int(torch.randint(len(schedules), (), generator=generator))]
            groups = schedule(name, rows, columns, steps)
            sizes = torch.tensor([float(len(group)) for group in groups])
            before = int(torch.multinomial(sizes, 1, generator=generator))
            order = torch.from_numpy(np.concatenate([np.empty(0, np.int64), *groups[:before]]))
        row[order] = True
    return known.view(count, rows, columns)


def fix_offsets(model: nn.Module, predicted: Sequence[IntegerEmbedding]) -> None:
    """Leave out of training the offsets of a trainable model's embeddings that predict no logits.

    Only logits use them: several processes would wait for their gradients for ever.

    Args:
        model: The model.
        predicted: The embeddings that logits are taken of.
    """
    for module in model.modules():
        if isinstance(module, IntegerEmbedding) and module not in predicted:
            module.matrix.real_offset.requires_grad_(False)


@torch.no_grad()
def start_from_codes(model: MaskedModel | ScaleModel, codebooks: dict[str, Tensor]) -> None:
    """Start the vectors of a trainable model's indices from those of their codes, at random angles.

    Args:
        model: The model.
        codebooks: Unit vectors `(codebook_size, code_channels)` by preset.
    """
    for preset, codes in codebooks.items():
        real_weight = model.symbols[preset].indices.matrix.real_weight
        vectors = (codes - codes.mean(0)) @ torch.randn(codes.shape[1], real_weight.shape[1])
        real_weight[: len(codes)] = 0.7 * vectors / vectors.std() + 0.7 * real_weight[: len(codes)]
