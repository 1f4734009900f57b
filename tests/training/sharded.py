"""Run by tests in each of two processes: stages whose model, optimiser and average lie in pieces among them.

Accelerate leaves CPU processes out of FSDP, though torch does not: here it is talked into it.
"""

import sys
from pathlib import Path

from accelerate import Accelerator, FullyShardedDataParallelPlugin
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from torch.distributed.tensor import DTensor

from percov2_demo.training.loop import TrainingRun
from tests.training.test_codebooks import train as train_codec
from tests.training.test_loop import Regression, batch, config


def sharding_accelerator(piece: str, accumulation: int = 1) -> Accelerator:
    """Shares out a model by its modules of a class of that name."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulation)
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, auto_wrap_policy="transformer_based_wrap", transformer_cls_names_to_wrap=[piece]
    )
    accelerator.state.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP
    return accelerator


def train_regression(folder: Path) -> None:
    """In two goes."""
    accelerator = sharding_accelerator("Linear")
    for steps, resume in ((10, False), (20, True)):
        settings = config(max_steps=steps, log_steps=1)
        run = TrainingRun(Regression(), folder, settings, accelerator, resume)
        assert all(isinstance(parameter, DTensor) for parameter in run.model.parameters())
        run.run(batch, 60)
        accelerator.free_memory()


if __name__ == "__main__":
    train_regression(Path(sys.argv[1]) / "regression")
    train_codec(Path(sys.argv[1]) / "codec", sharding_accelerator("HyperEncoder", accumulation=2))
