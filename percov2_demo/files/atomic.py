"""Write files that are there as a whole or not at all."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of an empty file beside `path`, which takes its place once the block has ended without error.

    A full disk, an error or a kill leave the file that was there before. Its permissions are kept, and a symbolic
    link goes on pointing to it. What is no regular file, such as a pipe or a terminal, is written directly.

    Args:
        path: The file to write; its folder must exist.

    Raises:
        OSError: The file cannot be written, also where it is there and is not for this user to write; names `path`.
    """
    target = Path(os.path.realpath(path))
    before = _status(path)
    if before is not None and not stat.S_ISREG(before.st_mode):
        yield Path(path)
        return
    # Short, whatever the length of the file's own name.
    temporary = target.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        if before is not None and not os.access(target, os.W_OK):
            raise PermissionError(13, os.strerror(13), str(path))
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        fresh = temporary.stat()
        yield temporary
        _settle(temporary, before or fresh)
        os.replace(temporary, target)
        _flush_folder(target.parent)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file as `atomic_path` does.

    Raises:
        OSError: As `atomic_path`.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text in UTF-8 as `atomic_path` does.

    Bytes of a file's name that are no UTF-8, which Python holds as surrogates, are written as `\\udcXX`; so JSON
    gives the same name back.

    Raises:
        OSError: As `atomic_path`.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def _status(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _settle(temporary: Path, like: os.stat_result) -> None:
    """Flush a file to the disk, with the permissions and, where possible, the owner of another."""
    with suppress(OSError, AttributeError):
        os.chown(temporary, like.st_uid, like.st_gid)
    os.chmod(temporary, stat.S_IMODE(like.st_mode))
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Flush the new name to the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
