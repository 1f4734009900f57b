"""Commands on two processes that accelerate starts on this machine's CPU."""

import os
import subprocess
import sys
from pathlib import Path


LAUNCH = (
    "accelerate launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no "
    "--main_process_port 0 -m percov2_demo"
)


def launch(*arguments: str | Path) -> subprocess.CompletedProcess:
    """Runs `percov2_demo` on two processes."""
    # Accelerate 1.15 starts several CPU processes by MPI alone; its launcher for GPUs needs none, and does as well.
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    command = [*LAUNCH.split(), *map(str, arguments)]
    command[0] = str(Path(sys.executable).with_name("accelerate"))
    root = Path(__file__).parents[2]
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=280)
