"""Delete visitors' files when they are old or the server stops, and return freed memory to the system."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from fastapi import FastAPI

from percov2_demo.ui.server.folder import FOLDER_PREFIX, FOLDER_VARIABLE, own_folder
from percov2_demo.ui.server.gradio_internals import page_files
from percov2_demo.ui.server.heap import return_memory


CLEANING_SECONDS = 60
"""How often files that are too old are looked for, and memory is given back."""

FILE_LIFETIME_SECONDS = 3600

UNFINISHED_SECONDS = 120
"""How long an upload may rest before it counts as broken off; those that the disk had no room for, too."""


@contextlib.contextmanager
def visitors_folder() -> Iterator[None]:
    """Give gradio a folder that only this user can read, and delete it at the end.

    It lies in the one that the environment variable GRADIO_TEMP_DIR names, which may hold anything and stays, or
    among the system's temporary files. What servers that were killed have left beside it is deleted once it is old.
    """
    around = os.environ.get(FOLDER_VARIABLE)
    if around:
        Path(around).mkdir(parents=True, exist_ok=True)
    # A picture may still be written while the folder goes.
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, dir=around or None, ignore_cleanup_errors=True) as folder:
        _delete_left(Path(folder))
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            if around:
                os.environ[FOLDER_VARIABLE] = around
            else:
                del os.environ[FOLDER_VARIABLE]


@contextlib.asynccontextmanager
async def cleaning(app: FastAPI) -> AsyncIterator[None]:
    """Delete old files of visitors and return freed memory, as the app's lifespan.

    Nothing is deleted where the folder is not this app's own.

    gradio's own cleaning (6.31) knows no file that only stands in HTML, and ends for good when a file is added while
    it runs.
    """
    folder = own_folder()
    if folder is None:
        yield
        return
    task = asyncio.create_task(_clean_forever(app, folder))
    try:
        yield
    finally:
        task.cancel()


def delete_old(folder: Path, age: float) -> None:
    """Delete what nobody has written to for `age` seconds in a folder of gradio's files, and the folder if empty.

    gradio keeps each file in a folder of its own, and beside them uploads that have not ended, which go after
    `UNFINISHED_SECONDS`. What cannot be deleted is left.
    """
    now = time.time()
    oldest, oldest_upload = now - age, now - min(age, UNFINISHED_SECONDS)
    with contextlib.suppress(OSError):
        is_old = folder.stat().st_ctime <= oldest
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                if not entry.is_dir():
                    if entry.stat().st_ctime <= oldest_upload:
                        entry.unlink()
                elif not any(path.stat().st_ctime > oldest for path in (entry, *entry.glob("*"))):
                    shutil.rmtree(entry)
        if is_old:
            folder.rmdir()


def _delete_left(folder: Path) -> None:
    """Delete what is old in the folders of servers that were killed, which lie beside this one's."""
    owner = folder.stat().st_uid
    for left in folder.parent.glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            # Where all users may write, a link of this name could lead anywhere.
            if not left.is_symlink() and left.stat().st_uid == owner:
                delete_old(left, FILE_LIFETIME_SECONDS)


async def _clean_forever(app: FastAPI, folder: Path) -> None:
    while True:
        await asyncio.sleep(CLEANING_SECONDS)
        await asyncio.to_thread(_clean, app, folder)


def _clean(app: FastAPI, folder: Path) -> None:
    for path in page_files(app):
        # They must never be old.
        with contextlib.suppress(OSError):
            os.utime(path)
    delete_old(folder, FILE_LIFETIME_SECONDS)
    return_memory()
