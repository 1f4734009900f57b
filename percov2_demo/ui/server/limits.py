"""Limit what a request may take before any code of the app sees it; gradio (6.31) limits files alone."""

import asyncio
import errno
import re

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from percov2_demo.images import MAX_FILE_BYTES
from percov2_demo.ui.server.errors import DISK_FULL_SENTENCE


MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 2**16
"""Of a whole upload: one file, and what multipart adds."""

MAX_BODY_BYTES = 2**24
"""Of any other request. Its text is read into memory, several times over."""

MAX_BODY_SECONDS = 600
"""How long a request may take to arrive."""

_UPLOAD = "/gradio_api/upload"

_CLOSED = re.compile(r"/gradio_api/(process_recording|component_server|deep_link|stream|profiling|vibe|undo-vibe)\b")
"""Routes that gradio opens to everyone, some of which write files that nobody deletes, and the page has no use for."""

_TOO_LARGE = f"This is too large: a file may have {MAX_FILE_BYTES // 2**20} MB, any other request 16."
_TOO_SLOW = "This took too long to arrive: please try again."


class RequestLimits:
    """ASGI middleware: closes routes that the page does not use, and bounds the size and the time of a request's body.

    Args:
        app: The application behind it.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/"))
        if _CLOSED.match(path):
            await PlainTextResponse("Not found.", 404)(scope, receive, send)
            return
        most = MAX_UPLOAD_BYTES if path == _UPLOAD else MAX_BODY_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > most:
            await PlainTextResponse(_TOO_LARGE, 413)(scope, receive, send)
            return
        try:
            await self._app(scope, _bounded(receive, most), send)
        except ClientDisconnect:
            # Nobody is left to answer, and it is no failure to log.
            return
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            await PlainTextResponse(DISK_FULL_SENTENCE, 507)(scope, receive, send)


def _bounded(receive: Receive, most: int) -> Receive:
    """Raise `HTTPException` where a body has more than `most` bytes, or does not end in time."""
    end: float | None = None
    got, is_going_on = 0, True

    async def bounded() -> Message:
        nonlocal end, got, is_going_on
        if not is_going_on:
            # What comes after a body is the visitor's leaving.
            return await receive()
        # From the first time that anybody asks for the body, which may be long after its head.
        end = end or asyncio.get_running_loop().time() + MAX_BODY_SECONDS
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, _TOO_SLOW) from None
        got += len(message.get("body", b""))
        is_going_on = message.get("more_body", False)
        if got > most:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded
