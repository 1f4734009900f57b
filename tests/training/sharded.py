"""Run by `test_loop` in each of two processes: a stage whose model, optimiser and average lie in pieces among them.

Accelerate leaves CPU processes out of FSDP, though torch does not: here it is talked into it.
"""

import sys
from pathlib import Path

from accelerate import Accelerator, FullyShardedDataParallelPlugin
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from torch.distributed.tensor import DTensor

from percov2_demo.training.loop import TrainingRun
from tests.training.test_loop import Regression, batch, config


def sharding_accelerator() -> Accelerator:
    accelerator = Accelerator(cpu=True)
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, auto_wrap_policy="transformer_based_wrap", transformer_cls_names_to_wrap=["Linear"]
    )
    accelerator.state.distributed_type = PartialState._shared_state["distributed_type"] = DistributedType.FSDP
    return accelerator


if __name__ == "__main__":
    accelerator = sharding_accelerator()
    for steps, resume in ((10, False), (20, True)):
        settings = config(max_steps=steps, log_steps=1)
        run = TrainingRun(Regression(), Path(sys.argv[1]), settings, accelerator, resume)
        assert all(isinstance(parameter, DTensor) for parameter in run.model.parameters())
        run.run(batch, 60)
        accelerator.free_memory()
