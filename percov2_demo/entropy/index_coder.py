"""Code maps of indices as symbols and back, group by group of a schedule; draw what is missing from the model."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from percov2_demo.bitstream.header import TEMPERATURE_UNIT
from percov2_demo.entropy.coder import Decoder, Run, information, symbol_weights
from percov2_demo.entropy.masked_model import MASK, MaskedModel
from percov2_demo.entropy.schedules import Groups, schedule
from percov2_demo.errors import InputError
from percov2_demo.presets import get_preset


class GroupCoder(ABC):
    """Lossless coding of index maps, group by group."""

    def runs(self, indices: NDArray[np.int64], preset: str, groups: Groups) -> list[Run]:
        """Yield a run for each group, predicted from all groups before it.

        Args:
            indices: `(rows, columns)`, from 0 to the preset's codebook size - 1.
            preset: Name of the preset.
            groups: Positions in the flattened map; see `schedules.schedule`.
        """
        known = np.full(indices.shape, MASK)
        runs = []
        for group in groups:
            runs.append(Run(indices.flat[group], self.weights(known, preset, group)))
            known.flat[group] = indices.flat[group]
        return runs

    def read(self, decoder: Decoder, grid: tuple[int, int], preset: str, groups: Groups) -> NDArray[np.int64]:
        """Read the map `(rows, columns)` whose runs come next, with `MASK` where no group is.

        Raises:
            EntropyError: The bytes are damaged; not all damage is noticed.
        """
        indices = np.full(grid, MASK)
        for group in groups:
            indices.flat[group] = decoder.decode(self.weights(indices, preset, group))
        return indices

    def information(self, indices: NDArray[np.int64], preset: str, groups: Groups) -> NDArray[np.float64]:
        """Return the bits `(rows, columns)` that each index costs, 0 where no group is; arguments as in `runs`."""
        bits = np.zeros(indices.shape)
        for group, run in zip(groups, self.runs(indices, preset, groups), strict=True):
            bits.flat[group] = information(run)
        return bits

    @abstractmethod
    def weights(self, known: NDArray[np.int64], preset: str, group: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict integer weights `(N, codebook_size)`, in proportion to the probabilities at the hidden places.

        Args:
            known: `(rows, columns)`, with `MASK` where an index is not known.
            preset: Name of the preset.
            group: N positions in the flattened map.
        """


class UniformIndexCoder(GroupCoder):
    """Indices without a model, all equally likely."""

    def weights(self, known: NDArray[np.int64], preset: str, group: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.ones((len(group), get_preset(preset).codebook_size))


class IndexCoder(GroupCoder):
    """Lossless coding of index maps with a masked model's probabilities, and maps completed with them.

    Encoder and decoder compute the same integers on every machine, so a file is read wherever the same model is.

    Args:
        model: The frozen model.
    """

    def __init__(self, model: MaskedModel):
        self.model = model.eval()

    def complete(
        self, known: NDArray[np.int64], preset: str, groups: Groups, seed: int, temperature: float = 1.0
    ) -> NDArray[np.int64]:
        """Draw the missing indices of a map from the model, the same on every machine.

        Args:
            known: `(rows, columns)`, with `MASK` for what is missing.
            preset: Name of the preset.
            groups: Which positions are drawn together, in which order; those that are known stay as they are.
            seed: Seed of the draws.
            temperature: What logits are divided by, a multiple of 1/64; 0 takes the most likely index.

        Raises:
            InputError: The temperature is not a multiple of 1/64 from 0 on.
        """
        if not (temperature >= 0 and float(temperature * TEMPERATURE_UNIT).is_integer()):
            raise InputError(f"the temperature must be a multiple of 1/{TEMPERATURE_UNIT}, not {temperature:g}")
        completed = known.copy()
        # Raw 64-bit words: NumPy guarantees a bit generator's words, but not the numbers that it makes of them.
        words = np.random.PCG64(seed)
        for group in groups:
            missing = group[completed.flat[group] == MASK]
            if len(missing):
                logits = self.logits(completed, preset, missing)
                completed.flat[missing] = draw_symbols(logits, words.random_raw(len(missing)), temperature)
        return completed

    def weights(self, known: NDArray[np.int64], preset: str, group: NDArray[np.int64]) -> NDArray[np.float64]:
        return symbol_weights(self.logits(known, preset, group))

    @torch.inference_mode()
    def logits(self, known: NDArray[np.int64], preset: str, group: NDArray[np.int64]) -> NDArray[np.int64]:
        """Predict integer logits `(N, codebook_size)` in units of 1/64; arguments as in `weights`."""
        inputs = torch.from_numpy(known)[None].to(self.model.device)
        logits = self.model(inputs, preset, torch.from_numpy(np.array(group)))[0]
        return logits.cpu().numpy().astype(np.int64)


def conceal(
    coder: IndexCoder,
    indices: NDArray[np.int64],
    lost: Sequence[int],
    preset: str,
    seed: int,
    temperature: float = 1.0,
) -> NDArray[np.int64]:
    """Fill in the lost indices of a map from the model, as a receiver does that knows which ones are lost.

    Args:
        coder: The coder.
        indices: `(rows, columns)`; what stands in lost positions is not looked at.
        lost: Lost positions in the flattened map.
        preset: Name of the preset.
        seed: Seed of the draws.
        temperature: As in `IndexCoder.complete`.
    """
    if any(not 0 <= position < indices.size for position in lost):
        raise InputError(f"lost positions must be from 0 to {indices.size - 1}")
    known = indices.copy()
    known.flat[np.asarray(lost, np.int64)] = MASK
    return coder.complete(known, preset, schedule("qlds", *indices.shape), seed, temperature)


def draw_symbols(logits: NDArray[np.int64], words: NDArray[np.uint64], temperature: float) -> NDArray[np.int64]:
    """Draw a symbol of each row of logits `(N, K)`, by a random word each, at a multiple of 1/64 of their spread."""
    if temperature == 0:
        return logits.argmax(axis=1)
    # Integer division rounds down for negative numbers too, on every machine.
    tempered = logits * TEMPERATURE_UNIT // int(temperature * TEMPERATURE_UNIT)
    sums = symbol_weights(tempered).astype(np.uint64).cumsum(axis=1)
    chosen = words % sums[:, -1]
    return (chosen[:, None] >= sums).sum(axis=1)
