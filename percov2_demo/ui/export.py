"""Tables of runs and sweeps to take away."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name as JSON can hold them: None for numbers that are not finite."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


def csv_file(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as a CSV file with a head; a column that a row lacks is empty there.

    Args:
        rows: Values by name.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def json_file(data: Any) -> bytes:
    """Data as a JSON file; its numbers are finite, see `finite`."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False).encode()
