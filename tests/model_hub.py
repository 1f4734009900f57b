"""A stand-in for the hub: a server on this machine that answers the client as the hub does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


COMMIT = "c0ffee" + "0" * 34
OTHER_COMMIT = "0" * 40


class Hub:
    """What the server holds and has seen.

    Args:
        repositories: Folders by `owner/name`.
        gated: Names whose files need a token.
        token: The token that opens them.
    """

    def __init__(self, repositories: dict[str, Path], gated: tuple[str, ...] = (), token: str = "hf_right"):
        self.repositories, self.gated, self.token = repositories, gated, token
        self.status: int | None = None
        """Answered to everything if set."""
        self.file_status: int | None = None
        """Answered in place of a file's content if set."""
        self.sent: list[str] = []

    def answer(self, path: str, authorization: str | None, body: bool) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a request."""
        if self.status is not None:
            return self.status, {}, b""
        path = path.partition("?")[0]
        name = next((name for name in self.repositories if f"/{name}/" in path + "/"), None)
        if name is None:
            return _error(401, "RepoNotFound")
        folder = self.repositories[name]
        if path.startswith("/api/models/"):
            revision = path.partition("/revision/")[2] or path.partition("/tree/")[2] or "main"
            if revision not in ("main", COMMIT):
                return _error(404, "RevisionNotFound")
            return (200, {}, _tree(folder)) if "/tree/" in path else (200, {}, json.dumps(_facts(name)).encode())
        if name in self.gated and authorization != f"Bearer {self.token}":
            return _error(403 if authorization else 401, "GatedRepo")
        file = path.partition(f"/resolve/{COMMIT}/")[2]
        if body and self.file_status is not None:
            return self.file_status, {}, b""
        if body:
            self.sent.append(file)
        data = (folder / file).read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{abs(hash(data)):040x}"'}
        return 200, headers, data


def _error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"X-Error-Code": code, "X-Error-Message": code}, b""


def _facts(name: str) -> dict[str, Any]:
    return {"id": name, "sha": COMMIT, "siblings": []}


def _tree(folder: Path) -> bytes:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    entries = [
        {"type": "file", "path": path.relative_to(folder).as_posix(), "size": path.stat().st_size, "oid": "0" * 40}
        for path in files
    ]
    return json.dumps(entries).encode()


@contextmanager
def serve_hub(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Points the hub's client to the stand-in, with a cache of its own and no token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond(body=True)

        def do_HEAD(self) -> None:
            self.respond(body=False)

        def respond(self, body: bool) -> None:
            status, headers, data = hub.answer(self.path, self.headers.get("Authorization"), body)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(cache / "no-token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
