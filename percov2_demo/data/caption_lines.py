"""Files of captions: JSON lines with `file` and `caption`, written by one command and read by others."""

import json
from typing import Any

from percov2_demo.errors import InputError


def read_caption(line: str | bytes, file: str) -> dict[str, Any]:
    """Read the object in a line of a file of captions.

    Args:
        line: The line.
        file: What the file is called in a complaint.

    Raises:
        InputError: The line is no object with texts as `file` and `caption`.
    """
    try:
        record = json.loads(line)
        is_caption = isinstance(record["file"], str) and isinstance(record["caption"], str)
    except (KeyError, TypeError, ValueError):
        is_caption = False
    if not is_caption:
        raise InputError(f'{file} must hold one JSON object a line, with "file" and "caption"')
    return record
