"""Run by tests in each of two processes: stages whose model, optimiser and average lie in pieces among them.

Accelerate leaves CPU processes out of FSDP, though torch does not: here it is talked into it.
"""

import os
import sys
from pathlib import Path

from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from torch.distributed.tensor import DTensor

from percov2_demo.training.loop import TrainingRun
from percov2_demo.training.recipes.base import sharding_plugin
from tests.training.test_loop import Regression, batch, config, train_codec


def sharding_accelerator(piece: str, accumulation: int = 1, precision: str = "no") -> Accelerator:
    """Shares out a model by its modules of a class of that name."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulation, mixed_precision=precision)
    os.environ |= {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_TRANSFORMER_CLS_TO_WRAP": piece,
    }
    accelerator.state.fsdp_plugin = sharding_plugin(precision)
    accelerator.state.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP
    return accelerator


def train_regression(folder: Path, precision: str) -> None:
    """In two goes."""
    accelerator = sharding_accelerator("Linear", precision=precision)
    for steps, resume in ((10, False), (20, True)):
        settings = config(max_steps=steps, log_steps=1)
        run = TrainingRun(Regression(), folder, settings, accelerator, resume)
        assert all(isinstance(parameter, DTensor) for parameter in run.model.parameters())
        run.run(batch, 60)
        accelerator.free_memory()
    AcceleratorState._reset_state()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    train_regression(folder / "regression", "no")
    train_regression(folder / "halves", "bf16")
    train_codec(folder / "codec", sharding_accelerator("HyperEncoder", accumulation=2))
