"""The real server as a process of its own: started, watched and stopped from outside."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import psutil


ROOT = Path(__file__).parents[2]

START_SECONDS = 180


@dataclass
class Server:
    """A server that runs.

    Attributes:
        url: Its address.
        process: The process; None where somebody else started it.
        folder: Its temporary folder; empty until it starts, and after it has stopped.
    """

    url: str
    process: subprocess.Popen | None = None
    folder: Path | None = None

    def memory(self) -> float:
        """Resident memory of all its processes in megabytes of 2^20 bytes."""
        total, main = 0, psutil.Process(self.process.pid)
        for process in (main, *main.children(recursive=True)):
            # Its children may end while they are counted.
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 2**20

    def files(self) -> list[Path]:
        """All files in its temporary folder."""
        # Unlike `Path.rglob`, it goes on where a folder is deleted in the meantime.
        return [Path(folder) / name for folder, _, names in os.walk(self.folder) for name in names]

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> float:
        """Asks it to stop; returns after how many seconds it did."""
        start = time.monotonic()
        self.process.send_signal(sent)
        self.process.wait(60)
        return time.monotonic() - start


@contextlib.contextmanager
def started(folder: Path, *arguments: str, lifetime: float | None = None, **environment: str) -> Iterator[Server]:
    """Starts `app.py` and kills it in the end, if it has not stopped by then.

    Args:
        folder: Where it finds its folder for temporary files, and `server.log` is written beside it.
        *arguments: For `app.py`.
        lifetime: Seconds that visitors' files live in place of the usual hour.
        **environment: More environment variables.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    own = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    own |= {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"} | environment
    port = free_port()
    app = [str(ROOT / "app.py")] if lifetime is None else ["-m", "tools.soak.app", str(lifetime)]
    command = [sys.executable, *app, "--port", str(port), *arguments]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=own, stdout=log, stderr=subprocess.STDOUT)
    server = Server(f"http://127.0.0.1:{port}/", process, temporary)
    try:
        wait_until_served(server)
        yield server
    finally:
        process.kill()
        process.wait()


def wait_until_served(server: Server) -> None:
    """Returns when the page is served.

    Raises:
        RuntimeError: The process has ended, or took too long.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}config").is_success:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the server does not serve: exit code {server.process.poll()}")


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Watch:
    """Looks at a server every few seconds, from a thread.

    Attributes:
        memory: `(seconds since the start, megabytes)`.
        files: The most files that there were at a time.
        first_files: Those before the first visit, the page's own.
    """

    server: Server
    interval: float
    memory: list[tuple[float, float]] = field(default_factory=list)
    files: int = 0
    first_files: set[Path] = field(default_factory=set)

    def __enter__(self) -> "Watch":
        self.first_files = set(self.server.files())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def memory_at(self, seconds: float) -> float:
        """Memory around a time: the median of a minute's looks, as a picture that is being painted takes some too."""
        near = [megabytes for second, megabytes in self.memory if abs(second - seconds) <= 30]
        return median(near)

    def _look(self) -> None:
        start = time.monotonic()
        while True:
            self.memory.append((time.monotonic() - start, self.server.memory()))
            self.files = max(self.files, len(self.server.files()))
            if self._ended.wait(self.interval):
                return
