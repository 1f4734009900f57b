"""A stand-in for the hub: what `huggingface_hub` asks to make a Space or a model, over HTTP, and nothing else."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Hub:
    """What the stand-in is told and what it remembers.

    Attributes:
        token: The only token that it accepts.
        refusals: Statuses that it answers with, by the request's path.
        models: What it says of models, by name.
        spaces: Files of Spaces, and of models that were made here, by path, by name.
        settings: What each of them was created with and given since.
    """

    token: str
    endpoint: str = ""
    refusals: dict[str, int] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    spaces: dict[str, dict[str, bytes]] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON of a request."""
        if path in self.refusals:
            return self.refusals[path], {"error": "refused, as the test wants it"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        kind, user, name, *rest = path.removeprefix("/api/").split("/")
        full_name = f"{user}/{name}"
        if kind == "models" and full_name in self.models:
            return 200, {"id": full_name, **self.models[full_name]}
        if full_name not in self.spaces:
            return 404, {"error": "Repository not found"}
        return self._change(full_name, method, rest[0], body)

    def _create(self, order: dict[str, Any]) -> tuple[int, Any]:
        name = f"{order['organization']}/{order['name']}"
        address = {"url": f"{self.endpoint}/{name}"}
        if name in self.spaces:
            return 409, {"error": "You already created this repo"} | address
        self.spaces[name], self.settings[name] = {"README.md": b"", "old.py": b""}, {"order": order}
        return 200, address

    def _change(self, name: str, method: str, what: str, body: bytes) -> tuple[int, Any]:
        files, settings = self.spaces[name], self.settings[name]
        match what:
            case "variables":
                return 200, _change_variables(settings.setdefault("variables", {}), method, body)
            case "settings":
                settings["order"] |= json.loads(body)
                return 200, {}
            case "hardware":
                settings["hardware"] = json.loads(body)["flavor"]
                return 200, {"stage": "BUILDING", "hardware": {}, "storage": None}
            case "tree":
                return 200, [{"type": "file", "path": path, "size": 0, "oid": "0" * 40} for path in files]
            case "preupload":
                paths = [file["path"] for file in json.loads(body)["files"]]
                modes = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]
                return 200, {"files": modes}
            case "commit":
                settings["commits"] = settings.get("commits", 0) + 1
                for operation in map(json.loads, body.splitlines()):
                    value = operation["value"]
                    if operation["key"] == "file":
                        files[value["path"]] = base64.b64decode(value["content"])
                    elif operation["key"] == "deletedFile":
                        del files[value["path"]]
                return 200, {"commitUrl": f"{self.endpoint}/spaces/{name}/commit/0", "commitOid": "0" * 40}
        return 404, {"error": f"the stand-in does not know {what}"}


def _change_variables(variables: dict[str, str], method: str, body: bytes) -> dict[str, dict[str, str]]:
    order = json.loads(body or "{}")
    if method == "POST":
        variables[order["key"]] = order["value"]
    elif method == "DELETE":
        del variables[order["key"]]
    return {key: {"value": value} for key, value in variables.items()}


@contextmanager
def serve_hub(token: str) -> Iterator[Hub]:
    """Serves a stand-in on this machine."""
    hub = Hub(token)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self._reply()

        def do_PUT(self) -> None:
            self._reply()

        def do_DELETE(self) -> None:
            self._reply()

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") == f"Bearer {hub.token}":
                status, answer = hub.answer(self.command, self.path.partition("?")[0], body)
            else:
                status, answer = 401, {"error": "Invalid username or password."}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keeps the test's output to itself."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
