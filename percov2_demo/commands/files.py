"""Check the files that commands read and write before a model is loaded."""

from pathlib import Path

from percov2_demo.bitstream import HEAD_BYTES, Header
from percov2_demo.errors import InputError


def read_head(path: Path) -> Header:
    """Read the head of a stream.

    Raises:
        StreamError: The file is not a stream.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return Header.from_bytes(file.read(HEAD_BYTES))[0]


def check_output(path: Path) -> None:
    """Refuse a path that no file can be written to.

    Raises:
        InputError: It is a folder, or in none.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist: create it first")
