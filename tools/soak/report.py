"""What a soak measured."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tools.soak.visitors import Visit, Visitor


MAX_GROWTH = 100
"""Megabytes from minute 5 on."""

MAX_STOPPING_SECONDS = 5

MAX_WAITING_RATIO = 2
"""Of the median time to wait with a hostile visitor to that without."""


def summarise(visitors: Sequence[Visitor]) -> dict[str, Any]:
    """Requests, errors, times and fairness."""
    by_kind: defaultdict[str, list[Visit]] = defaultdict(list)
    visits = [visit for visitor in visitors for visit in visitor.visits]
    for visit in visits:
        by_kind[visit.kind].append(visit)
    done = [len(visitor.visits) for visitor in visitors]
    return {
        "requests": {"all": _times(visits)} | {kind: _times(some) for kind, some in sorted(by_kind.items())},
        "errors": dict(Counter(visit.error for visit in visits if visit.error)),
        "fairness": {"requests_of_each": done, "least_to_most": round(min(done) / max(max(done), 1), 2)},
    }


def failures(report: dict[str, Any]) -> list[str]:
    """What of a report must not be."""
    found = [f"{count} times {error}" for error, count in report["errors"].items()]
    if not min(report["fairness"]["requests_of_each"]):
        found.append("a visitor was never served")
    queue = report["full_queue"]
    if queue["status"] != 503 or "full" not in queue["answer"]:
        found.append("a full queue is not said to be full")
    if (growth := report.get("memory_megabytes", {}).get("growth", 0)) >= MAX_GROWTH:
        found.append(f"memory grew by {growth} MB")
    if (files := report.get("files")) and (files["left"] or files["after_stop"]):
        found.append(f"files are left: {files}")
    if (stopping := report.get("stopping_seconds", 0)) > MAX_STOPPING_SECONDS:
        found.append(f"stopping took {stopping} seconds")
    return found


def compare(without: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    """Compare a soak with one that has a hostile visitor, who may at most double the others' waiting time."""
    ratios = {}
    for kind, times in without["requests"].items():
        before, after = (found.get("waiting_seconds", {}) for found in (times, beside["requests"].get(kind, {})))
        ratios[kind] = {
            name: round(after[name] / before[name], 2) for name in before if name in after and before[name] > 0
        }
    found = [*without["failures"], *beside["failures"]]
    if ratios["all"].get("p50", 0) > MAX_WAITING_RATIO:
        found.append(f"with a hostile visitor the others wait {ratios['all']['p50']} times as long")
    return {"without": without, "with_hostile": beside, "waiting_ratio": ratios, "failures": found}


def _times(visits: Sequence[Visit]) -> dict[str, Any]:
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
