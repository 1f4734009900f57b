"""Which tokens were lost, and how they were filled in."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from percov2_demo.ui.render.token_maps import cells, token_map
from percov2_demo.ui.templates import render


def concealment_html(sent: NDArray[np.int64], filled: NDArray[np.int64], lost: Sequence[int]) -> str:
    """Return a map of what was lost, with the numbers in words.

    Args:
        sent: `(rows, columns)` tokens as they were sent.
        filled: The same with the lost ones filled in.
        lost: Lost positions in the flattened map.
    """
    positions = np.sort(np.asarray(lost, np.int64))
    met = positions[sent.flat[positions] == filled.flat[positions]]
    missed = np.setdiff1d(positions, met)
    drawing = token_map(
        sent.shape,
        [
            cells(np.setdiff1d(np.arange(sent.size), positions), sent.shape[1], 'class="tokens kept"'),
            cells(met, sent.shape[1], 'class="tokens met"'),
            cells(missed, sent.shape[1], 'class="tokens missed"'),
        ],
        f"{len(positions)} lost tokens of {sent.size}, {len(met)} of them filled in as they were sent",
    )
    return render("render/concealment.html", drawing=drawing, lost=len(positions), count=sent.size, met=len(met))
