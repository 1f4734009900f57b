"""The scale model by cross-entropy on hidden indices of finer grids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from percov2_demo.entropy.integer_layers import LOGIT_UNIT
from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.objectives.masked import draw_known, hidden_bits


@dataclass(frozen=True)
class ScalesConfig:
    """How the stage is trained.

    Args:
        model: Arguments of `ScaleModel` but the presets and those of the tokenizer.
        pictures: Arguments of `PictureBatches` but the photos.
        encoded: Batches of these that are encoded.
        batch_size: As in `EncodedPictures`.
        steps: Groups that maps are drawn in, which training prepares for.
        dropped_share: Share of the samples whose sent indices are hidden, so that the caption has to count.
        loop: Arguments of `LoopConfig`.
    """

    model: dict[str, Any]
    pictures: dict[str, Any]
    encoded: int
    batch_size: int
    steps: int
    dropped_share: float
    loop: dict[str, Any]


class ScalesObjective(nn.Module):
    """Cross-entropy in bits of a picture's finer indices, given what was sent of it and its caption.

    One preset is sent, and tells of the picture before its caption's edit; those between it and the one to be drawn
    were drawn, and tell of the edited picture; those below are not known.

    Args:
        model: The model to train.
        steps: Groups that maps are drawn in.
        dropped_share: Share of the samples whose sent indices are hidden.
    """

    def __init__(self, model: ScaleModel, steps: int, dropped_share: float):
        super().__init__()
        self.model, self.steps, self.dropped_share = model, steps, dropped_share

    def forward(self, draws: Draws, tokens: Tensor, **maps: Tensor) -> dict[str, Tensor]:
        """Compute losses on captions `(B, L)` and maps `(B, rows, columns)`, and their bits an index by preset.

        The maps are those of `EncodedPictures`: of what was sent and of what is to come out.
        """
        names = list(self.model.symbols)
        bits = {}
        for level, preset in enumerate(names[1:], 1):
            coarser = self._coarser(names[:level], maps, draws)
            bits[preset] = self._bits(preset, maps[f"picture.{preset}"], coarser, tokens, draws)
        return {"loss": sum(bits.values()), **bits}

    def _coarser(self, names: Sequence[str], maps: dict[str, Tensor], draws: Draws) -> dict[str, Tensor]:
        count = len(maps[f"picture.{names[0]}"])
        device = maps[f"picture.{names[0]}"].device
        chance = draws.uniform((count, 2), device)
        sent, is_dropped = (chance[:, 0] * len(names)).long(), chance[:, 1] < self.dropped_share
        coarser = {}
        for level, name in enumerate(names):
            source, picture = maps[f"source.{name}"], maps[f"picture.{name}"]
            is_known = ((sent == level) & ~is_dropped) | (sent < level)
            indices = torch.where((sent == level)[:, None, None], source, picture)
            coarser[name] = torch.where(is_known[:, None, None], indices, MASK)
        return coarser

    def _bits(self, preset: str, indices: Tensor, coarser: dict[str, Tensor], tokens: Tensor, draws: Draws) -> Tensor:
        count, rows, columns = indices.shape
        known = draw_known([("qlds", self.steps)], count, rows, columns, draws).to(indices.device)
        logits = self.model(torch.where(known, indices, MASK), preset, coarser, tokens) / LOGIT_UNIT
        return hidden_bits(logits, indices, known)
