"""Print what commands return."""

import json
import time
from typing import Any


class Stopwatch:
    """Seconds of named parts of a command, in the order they were measured."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Record the time since the last lap under `name`."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now


def print_json(result: dict[str, Any]) -> None:
    """Print a command's result as one JSON object."""
    print(json.dumps(result, indent=2))
