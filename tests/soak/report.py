"""What a soak measured."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tests.soak.visitors import Visit, Visitor


MAX_GROWTH = 100
"""Megabytes from minute 5 on, or from a sixth of a shorter run."""


def summarise(visitors: Sequence[Visitor]) -> dict[str, Any]:
    """Requests, errors, times and fairness."""
    by_kind: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in (visit for visitor in visitors for visit in visitor.visits):
        by_kind[visit.kind].append(visit)
    done = [len(visitor.visits) for visitor in visitors]
    errors = Counter(visit.error for visits in by_kind.values() for visit in visits if visit.error)
    return {
        "requests": {kind: _kind(visits) for kind, visits in sorted(by_kind.items())},
        "errors": dict(errors),
        "fairness": {"requests_of_each": done, "least_to_most": round(min(done) / max(max(done), 1), 2)},
    }


def failures(report: dict[str, Any]) -> list[str]:
    """What of a report must not be."""
    found = [f"{count} times {error}" for error, count in report["errors"].items()]
    queue = report["full_queue"]
    if queue["status"] != 503 or "full" not in queue["answer"]:
        found.append("a full queue is not said to be full")
    if (memory := report.get("memory_megabytes")) and memory["growth"] > MAX_GROWTH:
        found.append(f"memory grew by {memory['growth']} MB")
    if (files := report.get("files")) and (files["overdue"] or files["after_stop"]):
        found.append(f"files are left: {files}")
    return found


def _kind(visits: Sequence[Visit]) -> dict[str, Any]:
    waiting = [visit.waiting for visit in visits if visit.waiting is not None]
    return {
        "count": len(visits),
        "waiting_seconds": _distribution(waiting),
        "running_seconds": _distribution(visit.running for visit in visits),
    }


def _distribution(seconds: Iterable[float]) -> dict[str, float]:
    values = list(seconds)
    if not values:
        return {}
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "max": round(max(values), 2)}
