"""Describe the machine that was measured on, and the memory that was used."""

import os
import platform
import resource
import sys
from typing import Any

import torch


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Name of the device, threads, processors and the version of torch."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "torch": torch.__version__,
    }


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory that was in use, in MB, of the device's on a GPU, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
