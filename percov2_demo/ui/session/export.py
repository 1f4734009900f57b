"""Runs and sweeps as JSON files to take away."""

import json
import math
from collections.abc import Mapping
from typing import Any


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name as JSON can hold them: None for numbers that are not finite."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


def json_file(data: Any) -> bytes:
    """Data as a JSON file; its numbers are finite, see `finite`."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False).encode()
