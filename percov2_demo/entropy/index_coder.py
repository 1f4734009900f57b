"""Maps of indices to bytes and back, group by group of a schedule."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from percov2_demo.entropy import coder
from percov2_demo.entropy.masked_model import MASK, MaskedModel
from percov2_demo.entropy.schedules import schedule


class IndexCoder:
    """Lossless coding of index maps with a masked model's probabilities.

    Encoder and decoder compute the same integers on every machine, so a file is read wherever the same model is.

    Args:
        model: The frozen model.
    """

    def __init__(self, model: MaskedModel):
        self.model = model.eval()

    def encode(self, indices: ArrayLike, preset: str, name: str = "qlds", steps: int = 12) -> bytes:
        """The bytes of a map.

        Args:
            indices: `(rows, columns)`, from 0 to the preset's codebook size - 1.
            preset: Name of the preset.
            name: Name of the schedule, see `schedules.schedule`.
            steps: Groups of the schedule "qlds".
        """
        symbols, weights = self._coded(np.asarray(indices, np.int64), preset, name, steps)
        return coder.encode(symbols, weights)

    def decode(
        self, data: bytes, grid: tuple[int, int], preset: str, name: str = "qlds", steps: int = 12
    ) -> NDArray[np.int64]:
        """The map `(rows, columns)` that `encode` was given, of the same preset and schedule.

        Raises:
            EntropyError: The bytes are damaged; not all damage is noticed.
        """
        decoder = coder.Decoder(data)
        indices = np.full(grid, MASK)
        for group in schedule(name, *grid, steps):
            indices.flat[group] = decoder.decode(self.weights(indices, preset, group))
        return indices

    def information(self, indices: ArrayLike, preset: str, name: str = "qlds", steps: int = 12) -> NDArray[np.float64]:
        """Bits `(rows, columns)` that each index of a map costs; arguments as in `encode`."""
        indices = np.asarray(indices, np.int64)
        bits = np.empty(indices.shape)
        order = np.concatenate(schedule(name, *indices.shape, steps))
        bits.flat[order] = coder.information(*self._coded(indices, preset, name, steps))
        return bits

    @torch.inference_mode()
    def weights(self, indices: NDArray[np.int64], preset: str, group: NDArray[np.int64]) -> NDArray[np.float64]:
        """Integer weights `(N, codebook_size)`, in proportion to the probabilities of what stands in hidden places.

        Args:
            indices: `(rows, columns)`, with `MASK` where an index is not known.
            preset: Name of the preset.
            group: N positions in the flattened map.
        """
        known = torch.from_numpy(indices)[None].to(self.model.device)
        logits = self.model(known, preset)[0].flatten(0, 1)[torch.from_numpy(np.array(group))]
        return coder.symbol_weights(logits.cpu().numpy().astype(np.int64))

    def _coded(
        self, indices: NDArray[np.int64], preset: str, name: str, steps: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Symbols `(N,)` and their weights `(N, codebook_size)` in the order in which they are coded."""
        groups = schedule(name, *indices.shape, steps)
        weights = [self.weights(known, preset, group) for known, group in self._progress(indices, groups)]
        return indices.flat[np.concatenate(groups)], np.concatenate(weights)

    @staticmethod
    def _progress(indices: NDArray[np.int64], groups: tuple) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each group, the map as it is known before it, and the group."""
        known = np.full(indices.shape, MASK)
        for group in groups:
            yield known, group
            known.flat[group] = indices.flat[group]
