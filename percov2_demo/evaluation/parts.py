"""Keep finished pieces of an evaluation on disk, so that one that was stopped goes on where it was."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from percov2_demo.files.atomic import write_text


class Parts:
    """JSON objects by name, each written as a whole or not at all; several processes may share the folder.

    Args:
        folder: Where the parts are kept.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def get(self, name: str, conditions: dict[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the part of that name, and make it if it is missing or was made under other conditions.

        Args:
            name: The part's name.
            conditions: All that its contents depend on, as JSON can hold it.
            make: Makes the part.
        """
        path = self.folder / f"{name}.json"
        key = hashlib.sha256(json.dumps(conditions, sort_keys=True).encode()).hexdigest()
        if path.is_file() and (stored := json.loads(path.read_text()))["key"] == key:
            return stored["part"]
        part = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"key": key, "part": part}))
        return part

    def clear(self) -> None:
        """Delete all parts."""
        shutil.rmtree(self.folder, ignore_errors=True)
