"""Measure the memory that is free, and refuse a model whose weights do not fit into it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from percov2_demo.checkpoints.memory_plans import PLANS, Estimate, MemoryPlan, estimate, gigabytes
from percov2_demo.checkpoints.weights import Size
from percov2_demo.errors import ModelError


if TYPE_CHECKING:
    import torch


def check_memory(sizes: Mapping[str, Size], plan: MemoryPlan, device: "torch.device") -> Estimate:
    """Estimate what the weights take, and refuse to load what does not fit.

    Args:
        sizes: As for `estimate`.
        plan: The plan.
        device: Where the model is to work.

    Raises:
        ModelError: The weights alone take more memory than is free.
    """
    free_main = free_memory()
    free_device = free_on(device)

    def fits(candidate: MemoryPlan) -> bool:
        needed = estimate(sizes, candidate, device.type)
        return needed.device <= free_device and needed.main <= free_main

    needed = estimate(sizes, plan, device.type)
    if fits(plan):
        return needed
    if needed.device > free_device:
        where = "graphics memory" if device.type == "cuda" else "main memory"
        short, free = needed.device, free_device
    else:
        where, short, free = "main memory", needed.main, free_main
    smaller = next((name for name, candidate in reversed(PLANS.items()) if fits(candidate)), None)
    remedy = f"choose the plan {smaller}" if smaller else "close other programs, or use a larger machine"
    raise ModelError(
        f"the model's weights take about {gigabytes(short)} of {where} under the memory plan {plan.name}, "
        f"and {gigabytes(free)} are free: {remedy}"
    )


def free_memory(control_group: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes of main memory that this process may still take: the machine's, or its container's.

    Args:
        control_group: Folder with the limits of the process's control group, version 2.
    """
    import psutil

    free = psutil.virtual_memory().available
    try:
        limit = (control_group / "memory.max").read_text().strip()
        used = int((control_group / "memory.current").read_text())
        cached = dict(line.split() for line in (control_group / "memory.stat").read_text().splitlines())
    except OSError:
        return free
    if limit == "max":
        return free
    # Cached pages of files count as used, but are given up when memory is needed.
    return min(free, int(limit) - used + int(cached.get("inactive_file", 0)))


def free_on(device: "torch.device") -> int:
    """Return the bytes that are free on a device; main memory's for all devices but CUDA's."""
    import torch

    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
