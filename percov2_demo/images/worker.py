"""The process that reads picture files for `pool`, one after the other, from its standard input to its output."""

import contextlib
import os
import signal
import sys
import traceback
import warnings
from typing import Any, BinaryIO

from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images.limits import MAX_DECODING_SECONDS, MAX_WORKER_BYTES
from percov2_demo.images.messages import ANSWER, FAILED, PICTURE, READY, REFUSALS, REQUEST, strip_rows
from percov2_demo.images.reading import read_picture


def main() -> None:
    """Answer requests until the input ends."""
    requests, answers = sys.stdin.buffer, _claim_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    # Sides are checked against what each format takes of memory.
    Image.MAX_IMAGE_PIXELS = None
    limits = _Limits()
    answers.write(ANSWER.pack(READY, 0, 0))
    answers.flush()
    while head := requests.read(REQUEST.size):
        data = requests.read(*REQUEST.unpack(head))
        with contextlib.suppress(BrokenPipeError):
            _answer(data, answers, limits)
            answers.flush()


def _answer(data: bytes, answers: BinaryIO, limits: "_Limits") -> None:
    try:
        limits.start()
        picture = read_picture(data)
    except ImageError as error:
        kind = next(kind for kind, refusal in REFUSALS.items() if isinstance(error, refusal))
        _answer_text(answers, kind, str(error))
        return
    except Exception:  # A bug: its traceback goes to the log.
        _answer_text(answers, FAILED, traceback.format_exc())
        return
    width, height = picture.size
    answers.write(ANSWER.pack(PICTURE, width, height))
    rows = strip_rows(width)
    for top in range(0, height, rows):
        answers.write(picture.crop((0, top, width, min(top + rows, height))).tobytes())


def _answer_text(answers: BinaryIO, kind: bytes, text: str) -> None:
    message = text.encode("utf-8", "replace")
    answers.write(ANSWER.pack(kind, len(message), 0) + message)


def _claim_output() -> BinaryIO:
    """Take the output, so that libraries can no longer print to it."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return answers


class _Limits:
    """What the operating system enforces where it can; `pool` looks at memory and time from outside everywhere.

    Linux counts what a process allocates (RLIMIT_DATA). The limit of the processor's time ends a process whose parent
    is gone.
    """

    def __init__(self) -> None:
        self._resource: Any = None
        try:
            import resource
        except ImportError:  # Windows.
            return
        self._resource = resource
        if sys.platform == "linux":
            self._limit(resource.RLIMIT_DATA, _data_bytes() + MAX_WORKER_BYTES)

    def start(self) -> None:
        """Start the clock of a request."""
        if self._resource:
            usage = self._resource.getrusage(self._resource.RUSAGE_SELF)
            self._limit(self._resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + 2 * MAX_DECODING_SECONDS)

    def _limit(self, what: int, value: int) -> None:
        _, hard = self._resource.getrlimit(what)
        if hard == self._resource.RLIM_INFINITY or value < hard:
            self._resource.setrlimit(what, (value, hard))


def _data_bytes() -> int:
    with open("/proc/self/status") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:")), 0)
