"""Check the files that commands read and write before a model is loaded."""

import sys
from collections.abc import Iterable
from pathlib import Path

from percov2_demo.bitstream import MAX_BYTES, Header
from percov2_demo.errors import InputError
from percov2_demo.images import MAX_FILE_BYTES


def read_stream(path: Path) -> bytes:
    """Read a `.pcv2` file, which may be a pipe, and check its head.

    Raises:
        StreamError: The file is not a stream, or longer than any stream.
        OSError: It cannot be read.
    """
    data = _read(path, MAX_BYTES)
    Header.from_bytes(data)
    return data


def read_picture(path: Path) -> bytes:
    """Read a picture file, which may be a pipe; one that is too large is left to `load_image` to refuse.

    Raises:
        OSError: It cannot be read.
    """
    return _read(path, MAX_FILE_BYTES)


def check_output(path: Path, inputs: Iterable[Path]) -> None:
    """Refuse a path that no file can be written to, and one that would replace what is read.

    Args:
        path: The file to write.
        inputs: The files that are read.

    Raises:
        InputError: It is a folder, in none, or one of the inputs, also by another name.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist: create it first")
    for source in inputs:
        if _is_same(path, source):
            raise InputError(f"{path} is the input itself, which would be lost: name another file")


def check_output_folder(path: Path, source: Path) -> None:
    """Refuse a folder for results that is a file, or that a folder of inputs shares files with.

    Raises:
        InputError: It is a file, the folder of inputs, in it or around it, also by another name.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file: name a folder for the results")
    written, read = path.resolve(), source.resolve()
    if _is_same(path, source) or written.is_relative_to(read) or read.is_relative_to(written):
        raise InputError(f"the results in {path} would get among the inputs in {source}: name a folder apart from it")


def report_bad_file(name: object, error: Exception) -> None:
    """Name a file that could not be used, and why, on stderr; the command goes on with the others."""
    print(f"{name}: {error}", file=sys.stderr)


def _is_same(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by links of either kind too; two terminals or pipes are no matter."""
    try:
        return path.samefile(other) and (path.is_file() or path.is_dir())
    except OSError:
        return False


def _read(path: Path, most: int) -> bytes:
    """Read a file's bytes, at most one more than `most`."""
    with path.open("rb") as file:
        return file.read(most + 1)
