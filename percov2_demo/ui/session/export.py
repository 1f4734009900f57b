"""Tables of runs and sweeps to take away."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet computes a text that begins so, and a caption may come from a foreign file."""


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name as JSON can hold them: None for numbers that are not finite."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


def csv_file(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as a CSV file with a head; a column that a row lacks is empty there.

    A text that a spreadsheet would take for a formula has an apostrophe before it.

    Args:
        rows: Values by name.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def json_file(data: Any) -> bytes:
    """Data as a JSON file; its numbers are finite, see `finite`."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False).encode()


def _text(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
