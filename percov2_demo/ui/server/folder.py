"""The folder that visitors' files are in, kept private and in place for as long as the app is served."""

import contextlib
import os
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from percov2_demo.ui.server.gradio_internals import page_files


FOLDER_PREFIX = "percov2-explorer-"

FOLDER_VARIABLE = "GRADIO_TEMP_DIR"
"""What gradio reads its folder from."""


def own_folder() -> Path | None:
    """Find the folder that `cleaning.visitors_folder` made; None where gradio's is another, which is not ours."""
    folder = Path(os.environ.get(FOLDER_VARIABLE, ""))
    return folder if folder.name.startswith(FOLDER_PREFIX) else None


class KeptFolder:
    """ASGI middleware: makes the folder anew, with the page's own files, where a cleaning service has removed it.

    Args:
        app: The application behind it.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._kept: dict[str, bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (folder := own_folder()) is not None:
            if self._kept is None:
                paths = filter(os.path.isfile, page_files(scope["app"]))
                self._kept = {path: Path(path).read_bytes() for path in paths}
            if not folder.is_dir():
                await run_in_threadpool(_restore, folder, self._kept)
        await self._app(scope, receive, send)


def _restore(folder: Path, kept: dict[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # Another request was faster.
        folder.mkdir(mode=0o700)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise PermissionError(f"{folder} was made by somebody else meanwhile, who could read what visitors send")
    for name, data in kept.items():
        path = Path(name)
        if path.is_relative_to(folder) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
