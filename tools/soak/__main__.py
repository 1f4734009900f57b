"""Hours of visitors: `python -m tools.soak --visitors 8 --minutes 30`.

Prints one JSON object; the exit code is 1 if something is in it that must not be. Without `--url` the real server is
started, watched and stopped; of one that runs already, memory and files are not seen. Visitors' files live for minutes
in place of the usual hour, so that after the last visit one can wait for the end of them all. With `--hostile` there
are two soaks, the second with a visitor who asks for as much as the server takes, and the others' times to wait are
compared.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tools.soak.full_queue import fill_queue
from tools.soak.hostile import HostileVisitor
from tools.soak.report import compare, failures, summarise
from tools.soak.server import Server, Watch, started
from tools.soak.visitors import Visitor


WARM_UP_SECONDS = 300
"""From then on memory must not grow."""

FILE_LIFETIME_SECONDS = 300
"""Longer than any request takes, else it would lose its own files."""


def main() -> int:
    """Runs the soak."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--model", help="model folder; default: the embedded model")
    parser.add_argument("--hostile", action="store_true", help="soak without and with a hostile visitor, and compare")
    options = parser.parse_args()
    report = _soak_once(options)
    if options.hostile:
        report = compare(report, _soak_once(options, hostile=True))
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return int(bool(report["failures"]))


def _soak_once(options: argparse.Namespace, hostile: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if options.url:
            server = Server(options.url.rstrip("/") + "/")
        else:
            model = ["--model", options.model] if options.model else []
            server = stack.enter_context(started(folder, *model, lifetime=FILE_LIFETIME_SECONDS))
        report = soak(server, folder, options.visitors, options.minutes * 60, options.seed, hostile=hostile)
        return report | {"failures": failures(report)}


def soak(
    server: Server,
    folder: Path,
    count: int,
    seconds: float,
    seed: int,
    lifetime: float = FILE_LIFETIME_SECONDS,
    interval: float = 5,
    hostile: bool = False,
) -> dict[str, Any]:
    """Lets visitors loose on a server; one that was started here is stopped in the end.

    Args:
        server: The server.
        folder: For the visitors' files.
        count: Number of visitors.
        seconds: How long they come.
        seed: Decides what they do.
        lifetime: Seconds that the server keeps their files.
        interval: Seconds between two looks at the server.
        hostile: Whether one more visitor asks for as much as the server takes.

    Raises:
        RuntimeError: No visitor was served.
    """
    visitors = [Visitor(server.url, folder / f"visitor-{number}", seed * 1000 + number) for number in range(count)]
    watch = Watch(server, interval)
    with watch if server.process else contextlib.nullcontext():
        end = time.monotonic() + seconds
        others = [HostileVisitor(server.url, folder, seed)] if hostile else []
        threads = [threading.Thread(target=visitor.run, args=[end]) for visitor in (*visitors, *others)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stream = next(folder.rglob("*.pcv2"), None)
        if stream is None:
            raise RuntimeError(f"{server.url} gave no visitor a stream: {visitors[0].visits[0].error}")
        report = {"seconds": seconds, "visitors": count, "seed": seed} | summarise(visitors)
        report["hostile"] = [{"taken": other.taken, "refused": other.refused} for other in others]
        report["full_queue"] = fill_queue(server.url, stream)
    if server.process:
        report |= _stop(server, watch, seconds, lifetime)
    return report


def _stop(server: Server, watch: Watch, seconds: float, lifetime: float) -> dict[str, Any]:
    memory = {
        "each_minute": [round(watch.memory_at(second)) for second in range(0, round(seconds) + 1, 60)],
        "most": round(max(megabytes for _, megabytes in watch.memory), 1),
        "end": round(watch.memory[-1][1], 1),
    }
    # A server that starts to work always grows.
    if seconds > WARM_UP_SECONDS:
        memory["growth"] = round(watch.memory_at(seconds) - watch.memory_at(WARM_UP_SECONDS), 1)
    last_visit = len(server.files())
    left = _wait_for_cleaning(server, watch.first_files, lifetime)
    stopping = server.stop()
    return {
        "memory_megabytes": memory,
        "files": {
            "before": len(watch.first_files),
            "most": watch.files,
            "after_last_visit": last_visit,
            "left": len(left),
            "after_stop": len(server.files()),
        },
        "stopping_seconds": round(stopping, 2),
    }


def _wait_for_cleaning(server: Server, own: set[Path], lifetime: float) -> set[Path]:
    """Files other than the page's own that are still there when visitors' are too old, or none as soon as all went."""
    # Two rounds of cleaning: one may have come just too early.
    end = time.monotonic() + lifetime * 1.2 + 1
    while (left := set(server.files()) - own) and time.monotonic() < end:
        time.sleep(1)
    return left


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(str(error))
