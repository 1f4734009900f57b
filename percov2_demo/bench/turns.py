"""Run actions in turns, so that a busy machine is busy for all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch


Name = TypeVar("Name")


@dataclass(frozen=True)
class Span:
    """Wall and CPU seconds of an action.

    Args:
        wall: Seconds on the clock.
        cpu: Seconds of processors, all threads of this process together: what other programs do is not in it.
    """

    wall: float
    cpu: float

    def __add__(self, other: "Span") -> "Span":
        return Span(self.wall + other.wall, self.cpu + other.cpu)


def take_turns(
    actions: Mapping[Name, Callable[[], object]], repeats: int, device: torch.device, warm_up: bool = True
) -> dict[Name, list[Span]]:
    """Time each action in each round.

    Args:
        actions: What is measured, by name.
        repeats: Rounds that count.
        device: Where they work; it is waited for.
        warm_up: Whether a round that does not count comes first.
    """
    spans: dict[Name, list[Span]] = {name: [] for name in actions}
    for round_ in range(repeats + warm_up):
        for name, action in actions.items():
            span = measure_span(action, device)
            if round_ >= warm_up:
                spans[name].append(span)
    return spans


def measure_span(action: Callable[[], object], device: torch.device) -> Span:
    """Time an action, with the device's share of it."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return Span(time.perf_counter() - wall, time.process_time() - cpu)
