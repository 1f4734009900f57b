"""What is refused before the app sees it, by a server that runs."""

import asyncio
import errno
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from percov2_demo.ui.demo import build_demo, launch_options
from percov2_demo.ui.server import limits
from percov2_demo.ui.server.errors import DISK_FULL_SENTENCE
from percov2_demo.ui.server.limits import MAX_BODY_BYTES, MAX_UPLOAD_BYTES, RequestLimits
from tests.ui.fakes import FakePipeline


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    demo = build_demo(FakePipeline())
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield f"{url}gradio_api/"
    demo.close()


def chunks(size: int) -> Iterator[bytes]:
    """A body whose length is not announced."""
    for _ in range(size // 2**20 + 1):
        yield bytes(2**20)


@pytest.mark.parametrize("path", ["queue/join", "call/info", "reset", "cancel"])
def test_a_request_that_is_no_upload_is_small(api: str, path: str) -> None:
    answer = httpx.post(f"{api}{path}", content=bytes(MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert "any other request 16" in answer.text
    answer = httpx.post(f"{api}{path}", content=chunks(MAX_BODY_BYTES), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_an_upload_of_many_parts_is_no_larger_than_one_file(api: str) -> None:
    parts = [("files", (f"{number}.bin", bytes(MAX_UPLOAD_BYTES // 4))) for number in range(5)]
    assert httpx.post(f"{api}upload", files=parts, timeout=60).status_code == 413


def test_a_field_of_an_upload_is_no_way_around(api: str) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\n'
        yield from chunks(MAX_UPLOAD_BYTES)

    answer = httpx.post(
        f"{api}upload", content=body(), headers={"content-type": "multipart/form-data; boundary=b"}, timeout=60
    )
    assert answer.status_code == 413


def test_what_gradio_opens_besides_is_closed(api: str) -> None:
    folder = Path(tempfile.gettempdir())
    before = set(folder.glob("*")) | set(folder.glob("gradio/*"))
    video = {"video": ("v.mp4", b"no video")}
    assert httpx.post(f"{api}process_recording", files=video).status_code == 404
    assert httpx.post(f"{api}component_server", files=video).status_code == 404
    assert httpx.get(f"{api}deep_link", params={"session_hash": "x"}).status_code == 404
    assert httpx.post(f"{api}vibe-edit", json={"prompt": "x"}).status_code == 404
    left = (set(folder.glob("*")) | set(folder.glob("gradio/*"))) - before
    assert not any(path.is_file() for path in left)


def test_no_way_leads_past_the_queue(api: str) -> None:
    answer = httpx.post(f"{api}run/info", json={"data": [None]})
    assert answer.status_code == 404


def test_a_page_under_a_path_has_the_same_limits() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise AssertionError("it should not be asked")

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    scope = {"type": "http", "method": "POST", "root_path": "/demo", "headers": []}
    scope["path"] = "/demo/gradio_api/process_recording"
    asyncio.run(RequestLimits(app)(scope, None, send))
    assert sent[0]["status"] == 404


def test_a_body_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BODY_SECONDS", 0.1)

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(HTTPException) as caught:
        asyncio.run(limits._bounded(never, 10)())
    assert caught.value.status_code == 408


def test_waiting_for_an_answer_takes_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BODY_SECONDS", 0.1)
    messages = [{"type": "http.request", "body": b"all"}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        if len(messages) == 1:
            await asyncio.sleep(0.3)
        return messages.pop(0)

    async def visit() -> list[str]:
        bounded = limits._bounded(receive, 10)
        return [(await bounded())["type"], (await bounded())["type"]]

    assert asyncio.run(visit()) == ["http.request", "http.disconnect"]


def test_a_full_disk_at_an_upload_is_said(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")

    monkeypatch.setattr(gr.routes, "upload_fn", full)
    answer = httpx.post(f"{api}upload", files={"files": ("a.png", b"x")})
    assert (answer.status_code, answer.text) == (507, DISK_FULL_SENTENCE)


def test_who_leaves_in_the_middle_of_an_upload_is_no_failure() -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        raise ClientDisconnect

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": []}
    asyncio.run(RequestLimits(app)(scope, None, None))
