"""The runs of one visitor's session that are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from percov2_demo.ui.session.run import Run


MAX_RUNS = 90
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

    def add(self, job: Sequence[Run]) -> "RunCollection":
        """Return the collection with what a job has painted since; itself where that is nothing.

        Numbers that begin again tell that the session was forgotten in a long rest, and its pictures with it.

        Args:
            job: The job's runs so far, oldest first.
        """
        if not job or job[-1] is self.last:
            return self
        before = self if self.last is None or job[-1].number > self.last.number else RunCollection()
        newest = 0 if before.last is None else before.last.number
        runs = (*before.runs, *(run for run in job if run.number > newest))
        dropped = max(0, len(runs) - MAX_RUNS)
        return RunCollection(runs[dropped:], before.dropped + dropped, job[-1])

    def clear(self) -> "RunCollection":
        """Return the collection without runs."""
        return replace(self, runs=(), dropped=0)

    def of_photo(self, number: int) -> tuple[Run, ...]:
        """Return the runs of the photo that the run of that number is of; all where no such run is kept."""
        run = self.find(number)
        return self.runs if run is None else tuple(each for each in self.runs if each.photo == run.photo)

    def first_of_photos(self) -> list[Run]:
        """List the oldest run of each photo, the newest photo first; runs of files without a photo are left out."""
        first: dict[str, Run] = {}
        for run in self.runs:
            if run.photo:
                first.setdefault(run.photo, run)
        return list(reversed(first.values()))

    def find(self, number: int) -> Run | None:
        """Return the run of that number; None where it is not kept."""
        return next((run for run in self.runs if run.number == number), None)
