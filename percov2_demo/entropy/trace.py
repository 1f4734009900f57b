"""Trace the coding of an index map: what the model expects before each group, and what the group costs.

PerCoV2 (Körber et al., arXiv 2503.09368, figures 15 to 18) shows the bytes after each group in this way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from percov2_demo.entropy.coder import Run, encode, entropy, information
from percov2_demo.entropy.index_coder import GroupCoder
from percov2_demo.entropy.masked_model import MASK
from percov2_demo.entropy.schedules import Groups


@dataclass(frozen=True, eq=False)
class GroupTrace:
    """What the model expected of one group, and what the group cost.

    Attributes:
        positions: `(N,)` positions in the flattened map that become known with this group.
        expected: `(rows, columns)` entropy in bits of what is predicted for each index before the group is sent; NaN
            where the index is known.
        spent: `(N,)` bits that the coder spends on each of the group's indices.
        payload_bytes: Bytes of the payload if it ended after this group.
    """

    positions: NDArray[np.int64]
    expected: NDArray[np.float64]
    spent: NDArray[np.float64]
    payload_bytes: int


def trace(
    coder: GroupCoder, indices: NDArray[np.int64], preset: str, groups: Groups, before: Sequence[Run] = ()
) -> list[GroupTrace]:
    """Code a map and yield a `GroupTrace` for each group.

    Args:
        coder: The coder.
        indices: `(rows, columns)`, from 0 to the preset's codebook size - 1.
        preset: Name of the preset.
        groups: Positions in the flattened map; see `schedules.schedule`.
        before: Runs that come before the indices in the payload, such as the caption's.
    """
    known = np.full(indices.shape, MASK)
    runs = list(before)
    traces = []
    for group in groups:
        unknown = np.flatnonzero(known == MASK)
        weights = coder.weights(known, preset, unknown)
        expected = np.full(indices.shape, np.nan)
        expected.flat[unknown] = entropy(weights)
        run = Run(indices.flat[group], weights[np.searchsorted(unknown, group)])
        runs.append(run)
        known.flat[group] = indices.flat[group]
        traces.append(GroupTrace(group, expected, information(run), len(encode(runs))))
    return traces
