"""The runs of one visitor's session that are kept."""

from dataclasses import dataclass, field, replace

from percov2_demo.ui.session.run import Run


MAX_RUNS = 50
"""Runs that are kept; the oldest leave first."""


@dataclass(frozen=True)
class RunCollection:
    """Some of a session's runs.

    Attributes:
        runs: The runs, oldest first.
        dropped: How many runs left because there were too many.
        last: The last run that came, whether it is still there or not.
    """

    runs: tuple[Run, ...] = ()
    dropped: int = 0
    last: Run | None = field(default=None, repr=False)

    def add(self, run: Run) -> "RunCollection":
        """Add a run, and return the new collection, or this one where the run is the last one again.

        Numbers that begin again tell that the session was forgotten in a long rest, and its pictures with it.
        """
        if run is self.last:
            return self
        before = self if self.last is None or run.number > self.last.number else RunCollection()
        runs = (*before.runs, run)
        dropped = max(0, len(runs) - MAX_RUNS)
        return RunCollection(runs[dropped:], before.dropped + dropped, run)

    def clear(self) -> "RunCollection":
        """Return the collection without runs."""
        return replace(self, runs=(), dropped=0)

    def find(self, number: int) -> Run | None:
        """Return the run of that number; None where it is not kept."""
        return next((run for run in self.runs if run.number == number), None)
