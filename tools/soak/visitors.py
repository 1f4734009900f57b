"""Visitors of the server's endpoints: what each does is drawn from a seed."""

import contextlib
import json
import random
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file
from gradio_client.client import Job
from gradio_client.exceptions import AppError
from gradio_client.utils import Status

from tests.scene import draw_scene
from tools.soak.requests import picture_request


WEIGHTS = {
    "compress": 6,
    "decompress": 8,
    "info": 3,
    "caption": 2,
    "sweep": 2,
    "page": 3,
    "refused": 3,
    "cancelled": 3,
    "disconnected": 3,
    "new session": 2,
}
"""How often each kind of visit is drawn; of what the server does not offer, none."""

PRESETS = ("ultra-low", "low", "extreme-low")
SIZES = ((512, 512), (640, 480), (300, 500), (64, 64))
CAPTIONS = ("", "a red house on a green hill", "قطة على حصيرة", "🦁", "<img src=x onerror=alert(1)>", "castle " * 20)
LONG_RUN_STEPS = 60
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 300


@dataclass
class Visit:
    """One request and what became of it.

    Attributes:
        kind: A key of `WEIGHTS`.
        waiting: Seconds until the server began; None where it did not tell.
        running: Seconds from then on.
        error: What went wrong, if something did.
    """

    kind: str
    waiting: float | None = None
    running: float = 0.0
    error: str | None = None


@dataclass
class Visitor:
    """Somebody who uses the server until the time is up.

    Args:
        url: The server's address.
        folder: Where the visitor's files are.
        seed: Decides what is done.
    """

    url: str
    folder: Path
    seed: int
    visits: list[Visit] = field(default_factory=list)

    def run(self, end: float) -> None:
        """Visits until `time.monotonic()` is `end`."""
        self._random = random.Random(self.seed)
        self.folder.mkdir()
        if not self._visit("new session", self._arrive):
            return
        kinds = [kind for kind in WEIGHTS if kind != "caption" or self._offers("/caption")]
        while time.monotonic() < end:
            (kind,) = self._random.choices(kinds, [WEIGHTS[kind] for kind in kinds])
            self._visit(kind, getattr(self, f"_{kind.replace(' ', '_')}"))

    def _visit(self, kind: str, action: Callable[[Visit], None]) -> bool:
        """Does something, whatever comes of it; returns whether it went well."""
        visit = Visit(kind)
        start = time.monotonic()
        try:
            action(visit)
        except Exception as error:
            visit.error = f"{kind}: {type(error).__name__}: {error}"
        visit.running = time.monotonic() - start - (visit.waiting or 0.0)
        self.visits.append(visit)
        return visit.error is None

    def _arrive(self, visit: Visit) -> None:
        self._new_session(visit)
        self._stream, _ = self._client.predict(self._photo(), api_name="/compress")

    def _new_session(self, _visit: Visit) -> None:
        self._client = Client(self.url, verbose=False, download_files=self.folder)

    def _offers(self, name: str) -> bool:
        return any(endpoint.api_name == name for endpoint in self._client.endpoints.values())

    def _photo(self) -> dict[str, Any]:
        width, height = self._random.choice(SIZES)
        path = self.folder / f"photo-{width}.jpg"
        if not path.exists():
            draw_scene(width, height).save(path)
        return handle_file(path)

    def _finished(self, visit: Visit, job: Job, until: Callable[[Job], bool] = Job.done) -> None:
        start = time.monotonic()
        while not until(job):
            if time.monotonic() - start > PATIENCE_SECONDS:
                raise TimeoutError("no answer")
            if visit.waiting is None and job.status().code in (Status.PROCESSING, Status.ITERATING, Status.FINISHED):
                visit.waiting = time.monotonic() - start
            time.sleep(POLL_SECONDS)

    def _compress(self, visit: Visit) -> None:
        preset, caption = self._random.choice(PRESETS), self._random.choice(CAPTIONS).strip()
        job = self._client.submit(self._photo(), preset=preset, caption=caption, api_name="/compress")
        self._finished(visit, job)
        self._stream, rates = job.result()
        size = Path(self._stream).stat().st_size
        assert rates["bytes"]["total"] == size, f"{rates} of a file of {size} bytes"

    def _decompress(self, visit: Visit) -> None:
        steps = self._random.randint(1, 4)
        job = self._client.submit(handle_file(self._stream), steps=steps, api_name="/decompress")
        self._finished(visit, job)
        picture, fields = job.result()
        assert Path(picture).read_bytes().startswith(b"\x89PNG"), "the picture is no PNG file"
        assert fields["preset"] in PRESETS

    def _info(self, visit: Visit) -> None:
        job = self._client.submit(handle_file(self._stream), api_name="/info")
        self._finished(visit, job)
        assert job.result()["bytes"]["total"] == Path(self._stream).stat().st_size

    def _caption(self, visit: Visit) -> None:
        job = self._client.submit(self._photo(), api_name="/caption")
        self._finished(visit, job)
        assert isinstance(job.result(), str)

    def _sweep(self, visit: Visit) -> None:
        caption = self._random.choice(CAPTIONS[1:])
        settings = {"guidance_scales": [1, 3], "steps": [1, 2], "fast": self._random.random() < 0.5}
        job = self._client.submit(self._photo(), caption=caption, **settings, api_name="/sweep")
        self._finished(visit, job)
        rows, table, pictures = job.result()
        with zipfile.ZipFile(pictures) as pack:
            assert pack.namelist() == [row["picture"] for row in rows], "the pictures are not those of the rows"
        assert len(rows) == 4 == len(Path(table).read_text().splitlines()) - 1, f"{len(rows)} pictures of 4"

    def _page(self, _visit: Visit) -> None:
        httpx.get(self.url, timeout=PATIENCE_SECONDS).raise_for_status()

    def _refused(self, visit: Visit) -> None:
        path = self.folder / "damaged.jpg"
        path.write_bytes(self._random.randbytes(100))
        job = self._client.submit(handle_file(path), api_name="/compress")
        self._finished(visit, job)
        error = job.exception()
        assert isinstance(error, AppError), f"taken, or refused with {error!r}"
        assert "picture" in str(error), f"refused with {error!r}"

    def _cancelled(self, visit: Visit) -> None:
        """A picture or a sweep that is stopped, in line or in the middle of it."""
        if self._random.random() < 0.5:
            job = self._client.submit(handle_file(self._stream), steps=LONG_RUN_STEPS, api_name="/decompress")
        else:
            settings = {"guidance_scales": [1, 3], "steps": [LONG_RUN_STEPS, LONG_RUN_STEPS + 1]}
            job = self._client.submit(self._photo(), **settings, api_name="/sweep")
        is_time = self._impatience(visit)
        self._finished(visit, job, lambda job: job.done() or is_time())
        job.cancel()
        self._finished(visit, job)
        # Of a stopped answer gradio's client (2.7) makes a KeyError or, where both come at once, a ValueError.
        with contextlib.suppress(CancelledError):
            error = job.exception()
            assert not isinstance(error, AppError), f"refused with {error!r}"

    def _disconnected(self, visit: Visit) -> None:
        """A picture whose visitor is gone in the middle of it."""
        queue = f"{self.url}gradio_api/queue"
        body = picture_request(self.url, Path(self._stream), LONG_RUN_STEPS)
        start = time.monotonic()
        is_time = self._impatience(visit)
        httpx.post(f"{queue}/join", json=body, timeout=PATIENCE_SECONDS).raise_for_status()
        session = {"session_hash": body["session_hash"]}
        with httpx.stream("GET", f"{queue}/data", params=session, timeout=PATIENCE_SECONDS) as answer:
            for line in answer.iter_lines():
                if visit.waiting is None and "process_starts" in line:
                    visit.waiting = time.monotonic() - start
                if "process_completed" in line:
                    assert json.loads(line.removeprefix("data:"))["success"], f"refused with {line}"
                if is_time():
                    return

    def _impatience(self, visit: Visit) -> Callable[[], bool]:
        """Tells when the visitor has had enough: after seconds in line or, half of the time, of painting."""
        start, seconds = time.monotonic(), self._random.uniform(0, 3)
        in_line = self._random.random() < 0.5

        def is_time() -> bool:
            if in_line:
                return time.monotonic() - start > seconds
            return visit.waiting is not None and time.monotonic() - start > visit.waiting + seconds

        return is_time
