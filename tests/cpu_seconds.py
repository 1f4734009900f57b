"""Which tests take long, by the processor's clock, so that the fast lane can leave them out.

`make heavy` runs the tests with this as a plugin and writes `heavy.txt`, the tests' names without parameters.
"""

import os
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest


HEAVY = Path(__file__).with_name("heavy.txt")

LIMIT = 0.3
"""Seconds of processor time from which a test is heavy; there are few heavy ones, which take most of the time."""


class CPUSeconds:
    """Plugin that measures each test, its processes included."""

    def __init__(self) -> None:
        self.heavy: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        before = _seconds()
        result = yield
        if _seconds() - before >= LIMIT:
            self.heavy.add(name_of(item))
        return result

    def pytest_sessionfinish(self) -> None:
        HEAVY.write_text("\n".join(sorted(self.heavy)) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    """Start to measure, where this module is loaded as a plugin."""
    config.pluginmanager.register(CPUSeconds())


def mark_heavy(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that were heavy when they were last measured."""
    heavy = set(HEAVY.read_text().split())
    for item in items:
        if name_of(item) in heavy:
            item.add_marker("heavy")


def name_of(item: pytest.Item) -> str:
    """Return a test's name without its parameters."""
    return item.nodeid.partition("[")[0]


def _seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
