"""Fuzzing for hours: `python -m tools.fuzz container`.

With `--mutants N`, N damaged copies of the target's corpus, the same for the same seed, and a line of JSON on them.
Without, inputs that atheris makes by following what code they reach; its other options are libFuzzer's. An input that
breaks a promise stops the run.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from tools.fuzz.targets import Target

TARGET_NAMES = ("container", "stream", "refined", "block", "caption", "indices", "picture")
"""Of `targets.TARGETS`, which may not be imported before atheris has instrumented what it imports."""

MAX_SECONDS = 10
"""Longest that atheris lets an input take."""


def main() -> None:
    """Runs one target."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGET_NAMES)
    parser.add_argument("--mutants", type=int)
    parser.add_argument("--seed", type=int, default=1)
    options, others = parser.parse_known_args()
    if options.mutants is not None:
        from tools.fuzz.targets import TARGETS

        print(json.dumps(run_mutants(TARGETS[options.target], options.mutants, options.seed)))
        return
    try:
        import atheris
    except ModuleNotFoundError:
        parser.error("without --mutants fuzzing takes atheris: pip install atheris")
    with atheris.instrument_imports(include=["percov2_demo"]):
        from tools.fuzz.targets import TARGETS
    target = TARGETS[options.target]
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(target.corpus()):
            (Path(folder) / f"{number:04}").write_bytes(data)
        limits = [f"-seed={options.seed}", f"-timeout={MAX_SECONDS}", "-rss_limit_mb=2048", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *limits, *others, folder], lambda data: _try(target, data))
        atheris.Fuzz()


def run_mutants(target: "Target", count: int, seed: int) -> dict[str, float]:
    """Tries damaged copies of a target's corpus.

    Returns:
        How many were tried, refused and taken, the longest that one took in seconds, and by how many megabytes the
        process grew.
    """
    from tools.fuzz.mutations import mutants

    corpus = target.corpus()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken, slowest = 0, 0.0
    for data, _ in mutants(corpus, count, seed):
        start = time.perf_counter()
        try:
            taken += target.check(data)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} on {data.hex()}") from error
        slowest = max(slowest, time.perf_counter() - start)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    counts = {"tried": count, "refused": count - taken, "taken": taken}
    return counts | {"slowest_seconds": round(slowest, 3), "grown_megabytes": round(grown, 1)}


def _try(target: "Target", data: bytes) -> None:
    # libFuzzer wants to hear of broken promises only.
    target.check(data)


if __name__ == "__main__":
    main()
