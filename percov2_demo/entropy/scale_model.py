"""Finer indices given coarser ones and the caption: what a few bytes leave open, as a denser grid would say it.

These are the explicit scales of PerCoV2's visual autoregressive model, with a masked model's groups in place of a
transformer's scales: 8x8 to 16x16 to 32x32 indices. All is in integers as in the entropy models, so that a seed draws
the same indices on every machine.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn

from percov2_demo.entropy.index_coder import draw_symbols
from percov2_demo.entropy.integer_layers import (
    ACTIVATION_UNIT,
    RESIDUAL_UNIT,
    IntegerEmbedding,
    IntegerLinear,
    IntegerNorm,
    round_through,
    to_activations,
)
from percov2_demo.entropy.masked_model import MASK, PresetSymbols, build_trunk
from percov2_demo.entropy.schedules import schedule
from percov2_demo.errors import InputError
from percov2_demo.presets import get_preset


_MOST_ALONG = 8
"""Most finer cells along a side of a coarser one: from 64 pixels to 8."""


class ScaleModel(ModelMixin, ConfigMixin):
    """Probabilities of a preset's hidden indices, given those of the presets below it and a caption.

    Args:
        presets: Names of the model's presets, in rising rate; all but the first can be drawn.
        vocabulary_size: Tokens that captions are made of.
        padding: The token that fills captions up; it does not count.
        text_width: Channels of a token's vector.
        width: Channels.
        blocks: Number of blocks.
        hidden: Channels inside the feed-forward layers.
        kernel: Side of the convolutions' kernels, odd.
        zones: Parts that each side of a map is divided into.
    """

    @register_to_config
    def __init__(
        self,
        presets: tuple[str, ...] = ("ultra-low", "low", "extreme-low"),
        vocabulary_size: int = 4096,
        padding: int = 0,
        text_width: int = 24,
        width: int = 128,
        blocks: int = 5,
        hidden: int = 448,
        kernel: int = 7,
        zones: int = 8,
    ):
        super().__init__()
        self.symbols = nn.ModuleDict(
            {name: PresetSymbols(get_preset(name).codebook_size, width, zones) for name in presets}
        )
        self.places = IntegerEmbedding(_MOST_ALONG**2, width)
        self.words = IntegerEmbedding(vocabulary_size, text_width)
        self.text = IntegerLinear(text_width, width)
        self.trunk = build_trunk(width, blocks, hidden, kernel)
        self.norm = IntegerNorm(width)

    def forward(
        self,
        indices: Tensor,
        preset: str,
        coarser: Mapping[str, Tensor],
        tokens: Tensor,
        positions: Tensor | None = None,
    ) -> Tensor:
        """Predict integer logits, float32 `(B, rows, columns, codebook_size)`, in units of 1/64.

        Args:
            indices: `(B, rows, columns)` int64, with `MASK` where an index is not known.
            preset: Name of the preset whose indices these are.
            coarser: Maps of presets below, likewise; those that are not named are not known.
            tokens: `(B, L)`, the caption; nothing but padding for none.
            positions: N positions in the flattened map whose logits `(B, N, codebook_size)` are wanted; None for all.

        Raises:
            InputError: The model does not draw the preset.
        """
        names = list(self.symbols)
        if preset not in names[1:]:
            raise InputError(f"this model does not draw {preset}: it draws {', '.join(names[1:])}")
        with torch.autocast(indices.device.type, enabled=False):
            x = self.symbols[preset](indices) + self._text(tokens)[:, None, None]
            for name in names[: names.index(preset)]:
                ratio = get_preset(name).stride // get_preset(preset).stride
                x = x + self._below(coarser.get(name), name, ratio, indices)
            hidden = self.trunk(x)
            if positions is not None:
                hidden = hidden.flatten(1, 2)[:, positions]
            return self.symbols[preset].logits(self.norm(hidden))

    def _below(self, indices: Tensor | None, name: str, ratio: int, finer: Tensor) -> Tensor:
        """Return what a coarser map says at each finer cell, and where in its coarser cell that is."""
        count, rows, columns = finer.shape
        if indices is None:
            indices = finer.new_full((count, rows // ratio, columns // ratio), MASK)
        spread = self.symbols[name](indices).repeat_interleave(ratio, 1).repeat_interleave(ratio, 2)
        row, column = (torch.arange(length, device=finer.device) % ratio for length in (rows, columns))
        return spread + self.places(row[:, None] * _MOST_ALONG + column)

    def _text(self, tokens: Tensor) -> Tensor:
        """Return the caption's part of the residual stream `(B, width)`: its words' mean vector, mapped."""
        counts = (tokens != self.config.padding).float()
        total = (self.words(tokens) * counts[..., None]).sum(1)
        mean = total / counts.sum(1, keepdim=True).clamp(min=1)
        return round_through(self.text(to_activations(mean * (ACTIVATION_UNIT / RESIDUAL_UNIT)), RESIDUAL_UNIT))


class ScaleDrawer:
    """Draws a preset's indices, group by group, given those below and a caption.

    Args:
        model: The frozen model.
        tokens: `(2, L)`: the empty caption and the caption.
        guidance: How far the caption's logits are amplified over the empty one's; 1 follows it, 0 ignores it.
        temperature: What logits are divided by, a multiple of 1/64; 0 takes the most likely index.
        seed: Seed of the draws.
    """

    def __init__(self, model: ScaleModel, tokens: Tensor, guidance: float, temperature: float, seed: int):
        self._model = model.eval()
        self._tokens, self._guidance, self._temperature = tokens, guidance, temperature
        # Raw 64-bit words: NumPy guarantees a bit generator's words, but not the numbers that it makes of them.
        self._words = np.random.PCG64(seed)

    def draw(
        self, preset: str, grid: tuple[int, int], coarser: Mapping[str, NDArray[np.int64]], steps: int
    ) -> Iterator[NDArray[np.int64]]:
        """Yield the map `(rows, columns)` after each group, what is not drawn yet being the most likely.

        A seed draws the same on every machine.

        Args:
            preset: Name of the preset.
            grid: Rows and columns.
            coarser: Maps of presets below, by name.
            steps: Groups that the map is drawn in.
        """
        known = np.full(grid, MASK)
        missing = np.arange(known.size)
        for group in schedule("qlds", *grid, steps):
            logits = self._logits(known, preset, coarser, missing)
            expected = known.copy()
            expected.flat[missing] = logits.argmax(axis=1)
            words = self._words.random_raw(len(group))
            known.flat[group] = draw_symbols(logits[np.isin(missing, group)], words, self._temperature)
            missing = np.setdiff1d(missing, group)
            yield np.where(known == MASK, expected, known)

    @torch.inference_mode()
    def _logits(
        self,
        known: NDArray[np.int64],
        preset: str,
        coarser: Mapping[str, NDArray[np.int64]],
        positions: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Predict integer logits `(N, codebook_size)` in units of 1/64."""
        # One run of the network is enough where one of the two captions alone counts.
        tokens = {0.0: self._tokens[:1], 1.0: self._tokens[1:]}.get(self._guidance, self._tokens)
        maps = {name: _batch(indices, len(tokens)) for name, indices in coarser.items()}
        inputs = _batch(known, len(tokens))
        logits = self._model(inputs, preset, maps, tokens, torch.from_numpy(positions)).double().numpy()
        guided = logits[0] + self._guidance * (logits[-1] - logits[0])
        return np.round(guided).astype(np.int64)


def _batch(indices: NDArray[np.int64], count: int) -> Tensor:
    """Return a map `count` times, `(count, rows, columns)`."""
    return torch.from_numpy(np.array(indices))[None].expand(count, -1, -1)
