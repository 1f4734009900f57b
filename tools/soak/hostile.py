"""A visitor who wants the server for himself: the largest pictures, a full queue, uploads that never end."""

import contextlib
import random
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from PIL import Image

from tools.soak.requests import TIMEOUT_SECONDS, picture_request


ADDRESS = "127.0.0.2"
"""Where he comes from, on a server of this computer: another address than the other visitors'."""

LARGEST_SIDE = 8000
MOST_STEPS = 100
REQUESTS_AT_ONCE = 40


@dataclass
class HostileVisitor:
    """Somebody who asks for as much as the server takes, under ever new names.

    Attributes:
        url: The server's address.
        folder: Where the other visitors' files are, and his.
        seed: Decides what he does.
        taken: Requests that the server took.
        refused: Requests that it did not.
    """

    url: str
    folder: Path
    seed: int
    taken: int = 0
    refused: int = 0

    def run(self, end: float) -> None:
        """Ask until `time.monotonic()` is `end`, from when another visitor has a stream on."""
        self._random = random.Random(self.seed)
        self._photo = self.folder / "largest.png"
        Image.new("RGB", (LARGEST_SIDE, LARGEST_SIDE), (200, 30, 60)).save(self._photo)
        stream = None
        while stream is None:
            if time.monotonic() > end:
                return
            time.sleep(0.5)
            stream = next(self.folder.rglob("*.pcv2"), None)
        self._stream = stream
        tricks = (self._fill_queue, self._send_largest, self._break_off)
        while time.monotonic() < end:
            with contextlib.suppress(httpx.HTTPError, OSError):
                self._random.choice(tricks)()
            # He need not be fast: what he has asked for is waiting.
            time.sleep(0.5)

    def _client(self) -> httpx.Client:
        is_local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost")
        transport = httpx.HTTPTransport(local_address=ADDRESS) if is_local else None
        return httpx.Client(transport=transport, timeout=TIMEOUT_SECONDS)

    def _join(self, client: httpx.Client, body: dict[str, object]) -> None:
        answer = client.post(f"{self.url}gradio_api/queue/join", json=body | {"session_hash": uuid.uuid4().hex})
        if answer.is_success:
            self.taken += 1
        else:
            self.refused += 1

    def _fill_queue(self) -> None:
        body = picture_request(self.url, self._stream, MOST_STEPS)
        with self._client() as client:
            for _ in range(REQUESTS_AT_ONCE):
                self._join(client, body)

    def _send_largest(self) -> None:
        with self._client() as client:
            config = client.get(f"{self.url}config").raise_for_status().json()
            function = next(entry for entry in config["dependencies"] if entry["api_name"] == "compress")
            defaults = {component["id"]: component["props"].get("value") for component in config["components"]}
            with self._photo.open("rb") as file:
                (path,) = client.post(f"{self.url}gradio_api/upload", files={"files": file}).raise_for_status().json()
            others = [defaults[component] for component in function["inputs"][1:]]
            data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, *others]
            self._join(client, {"data": data, "fn_index": function["id"]})

    def _break_off(self) -> None:
        """Begin an upload, and go."""
        place = urlsplit(self.url)
        with socket.create_connection((place.hostname, place.port or 80), timeout=10) as connection:
            head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000000\r\n"
            kind = "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            part = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            connection.sendall((head + kind + part).encode() + self._random.randbytes(10_000))
        self.refused += 1
