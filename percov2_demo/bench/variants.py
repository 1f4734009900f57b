"""The exact picture by other arithmetic: the flow transformer in bfloat16, compiled, and both in the fast mode."""

from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass

import torch
from PIL import Image

from percov2_demo.pipelines.percov2 import PerCoV2Pipeline


@dataclass(frozen=True)
class Variant:
    """A way to paint.

    Args:
        dtype: Precision of the flow transformer; None for the model's.
        compiled: Whether `torch.compile` makes a program of it.
        fast: Whether it is run in the fast mode.
    """

    dtype: torch.dtype | None = None
    compiled: bool = False
    fast: bool = False

    def apply(self, pipeline: PerCoV2Pipeline) -> PerCoV2Pipeline:
        """Return the codec with another flow transformer; all other parts are shared."""
        transformer = deepcopy(pipeline.transformer).to(self.dtype)
        if self.compiled:
            transformer.compile()
        other = copy(pipeline)
        other.register_modules(transformer=transformer)
        # All variants decode the model's own streams.
        other.register_to_config(identity=pipeline.identity)
        return other


VARIANTS = {
    "bfloat16": Variant(dtype=torch.bfloat16),
    "compiled": Variant(compiled=True),
    "bfloat16, compiled, fast": Variant(dtype=torch.bfloat16, compiled=True, fast=True),
}


def refusal(paint: Callable[[], Image.Image]) -> str | None:
    """Return why a variant does not run here, in one sentence; None where it does, and then it is compiled."""
    try:
        paint()
    # A missing part, such as a C++ compiler on a CPU, can raise any exception.
    except Exception as error:
        return f"does not run here: {str(error).strip().partition(chr(10))[0] or type(error).__name__}"
    return None
