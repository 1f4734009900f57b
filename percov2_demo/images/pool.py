"""The processes that read picture files: a few, started when they are needed and used again.

A file from the net may crash a decoder, or make it take all memory or time; in a process of its own it takes nothing
of ours. They are started by a command rather than by `multiprocessing`, which would run the main program again.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images.errors import ImageTooLarge
from percov2_demo.images.limits import MAX_DECODING_SECONDS, MAX_WAITING_SECONDS, MAX_WORKER_BYTES, WORKERS
from percov2_demo.images.messages import (
    ANSWER,
    FAILED,
    OUT_OF_MEMORY,
    PICTURE,
    READY,
    REFUSALS,
    REQUEST,
    strip_rows,
)


_LOOK_SECONDS = 0.05
"""Between two looks at what a busy process takes."""

_KEPT_BYTES = 128 * 2**20
"""By how much a process may have grown when it is used again: freed memory does not always go back to the system."""

_PACKAGES = Path(__file__).parents[2]
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
_PROGRAM = f"{_START}from percov2_demo.images.worker import main; main()"


class WorkerLost(Exception):
    """A process ended before it had answered."""


class WorkerPool:
    """Reads picture files in other processes, up to `WORKERS` at a time, for any number of threads."""

    _free: threading.Semaphore
    _idle: list["_Worker"]
    _lock: threading.Lock

    def __init__(self) -> None:
        self._forget()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def read(self, data: bytes) -> Image.Image:
        """Read a picture file; see `images.load_image`.

        Raises:
            ImageError: See there.
        """
        with self._free:
            for is_last in (False, True):
                process = self._take()
                try:
                    picture = process.read(data)
                except WorkerLost:
                    # Another program may have ended the process, so the file is tried once more, but only once.
                    process.close()
                    if is_last:
                        raise ImageError(
                            "The picture could not be read: save it again, as a plain JPEG or PNG file."
                        ) from None
                except ImageError:
                    self._give_back(process)
                    raise
                except BaseException:
                    process.close()
                    raise
                else:
                    self._give_back(process)
                    return picture
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the processes that are idle; the next file starts new ones."""
        with self._lock:
            processes, self._idle = self._idle, []
        for process in processes:
            process.close()

    def _forget(self) -> None:
        """Begin without processes: those of a parent are the parent's."""
        self._free = threading.Semaphore(WORKERS)
        self._idle = []
        self._lock = threading.Lock()

    def _take(self) -> "_Worker":
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return _Worker()
            if process.is_fit():
                return process
            process.close()

    def _give_back(self, process: "_Worker") -> None:
        if not process.is_fit():
            process.close()
            return
        with self._lock:
            self._idle.append(process)


class _Worker:
    """A process that runs `worker.main`.

    Raises:
        RuntimeError: It does not start.
    """

    def __init__(self) -> None:
        own_group: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        self._process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # One thread is enough, and each one would reserve memory.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
            **own_group,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._stopped_for: str | None = None
        try:
            kind, _, _ = ANSWER.unpack(self._receive(ANSWER.size))
            self._usage = psutil.Process(self._process.pid)
            self._bytes_at_start = self._usage.memory_info().rss
        except (WorkerLost, psutil.Error) as error:
            self.close()
            raise RuntimeError("the process that reads pictures did not start") from error
        assert kind == READY

    def read(self, data: bytes) -> Image.Image:
        """See `WorkerPool.read`.

        Raises:
            WorkerLost: The process ended.
        """
        self._stopped_for = None
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), daemon=True).start()
        try:
            return self._exchange(data)
        except WorkerLost:
            if self._stopped_for:
                self._process.wait()
                raise ImageTooLarge.because(self._stopped_for) from None
            raise
        finally:
            done.set()

    def is_fit(self) -> bool:
        """Tell whether the process lives and has not grown."""
        if self._process.poll() is not None:
            return False
        try:
            return self._usage.memory_info().rss < self._bytes_at_start + _KEPT_BYTES
        except psutil.Error:
            return False

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._input, self._output):
            with contextlib.suppress(OSError):  # The rest of the request is dropped.
                stream.close()

    def _exchange(self, data: bytes) -> Image.Image:
        try:
            self._input.write(REQUEST.pack(len(data)))
            self._input.write(data)
            self._input.flush()
        except OSError as error:
            raise WorkerLost from error
        kind, first, second = ANSWER.unpack(self._receive(ANSWER.size))
        if kind == PICTURE:
            return self._receive_picture(first, second)
        text = self._receive(first).decode()
        if kind == FAILED:
            raise RuntimeError(f"the process that reads pictures failed:\n{text}")
        raise REFUSALS[kind](text)

    def _receive_picture(self, width: int, height: int) -> Image.Image:
        picture = Image.new("RGB", (width, height))
        rows = strip_rows(width)
        for top in range(0, height, rows):
            count = min(rows, height - top)
            strip = Image.frombytes("RGB", (width, count), self._receive(3 * width * count))
            picture.paste(strip, (0, top))
        return picture

    def _receive(self, length: int) -> bytes:
        data = self._output.read(length)
        if len(data) < length:
            raise WorkerLost
        return data

    def _watch(self, done: threading.Event) -> None:
        """End the process when it takes too much, until `done`."""
        end = time.monotonic() + MAX_WAITING_SECONDS
        try:
            seconds = self._seconds()
            while not done.wait(_LOOK_SECONDS):
                if self._usage.memory_info().rss > self._bytes_at_start + MAX_WORKER_BYTES:
                    self._stop(OUT_OF_MEMORY)
                elif self._seconds() > seconds + MAX_DECODING_SECONDS or time.monotonic() > end:
                    self._stop(f"it takes too long to read, more than {MAX_DECODING_SECONDS} seconds")
        except psutil.Error:
            return  # It has ended already.

    def _seconds(self) -> float:
        times = self._usage.cpu_times()
        return times.user + times.system

    def _stop(self, reason: str) -> None:
        self._stopped_for = reason
        self._process.kill()


def _command() -> list[str]:
    # Without relative paths: the program may have changed its folder, or the folder may be gone.
    path = [str(_PACKAGES), *(entry for entry in sys.path if os.path.isabs(entry))]
    return [sys.executable, "-c", _PROGRAM, json.dumps(path)]
