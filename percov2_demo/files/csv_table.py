"""Write tables as CSV files whose cells no spreadsheet takes for formulas."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from percov2_demo.files.atomic import write_bytes


_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet computes a text that begins so, and names and captions may come from foreign files."""

_NEGATIVE = re.compile(r"-\d+(\.\d+)?")
"""A figure that was rounded to a text is no formula, whatever it begins with."""


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Encode rows as a CSV file with a head, in UTF-8.

    A column that a row lacks is empty there, as None is. A text that a spreadsheet would take for a formula has an
    apostrophe before it. Bytes of a file's name that are no UTF-8 are written as `\\udcXX`.

    Args:
        rows: Values by name.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, dict.fromkeys(name for row in rows for name in row))
    writer.writeheader()
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def write_csv(path: str | PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as `csv_bytes` encodes them.

    Raises:
        OSError: The file cannot be written.
    """
    write_bytes(path, csv_bytes(rows))


def _inert(value: Any) -> Any:
    is_formula = isinstance(value, str) and value.startswith(_FORMULA_STARTS) and not _NEGATIVE.fullmatch(value)
    return f"'{value}" if is_formula else value
