"""Commands on two processes that accelerate starts on this machine's CPU."""

import os
import subprocess
import sys
from pathlib import Path


LAUNCH = (
    "accelerate launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no "
    "--main_process_port 0 -m percov2_demo"
)


def run_on_two(program: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    """Runs one of the environment's programs, which starts two processes, in the repository's root."""
    # Accelerate 1.15 starts several CPU processes by MPI alone; its launcher for GPUs needs none, and does as well.
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
        "PYTHONPATH": str(root),
    }
    command = [str(Path(sys.executable).with_name(program)), *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=280)


def launch(*arguments: str | Path) -> subprocess.CompletedProcess:
    """Runs `percov2_demo` on two processes of this machine's CPU."""
    program, *options = LAUNCH.split()
    return run_on_two(program, *options, *arguments)
