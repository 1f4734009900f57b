"""A vote between pictures of one photo, two at a time and without their names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from random import Random
from typing import Any, Literal

from percov2_demo.ui.session.run import Run


Answer = Literal["a", "b", "same", ""]
"""One of the two, no difference, or not asked."""


@dataclass(frozen=True)
class Candidate:
    """A picture to vote on.

    Attributes:
        name: What it is, told only with the results.
        path: The picture's file.
    """

    name: str
    path: str


@dataclass(frozen=True)
class Pair:
    """Two pictures of one photo.

    Attributes:
        photo: The photo's name.
        a: The picture on the left.
        b: The picture on the right.
        original: The photo's file; None where there is none.
    """

    photo: str
    a: Candidate
    b: Candidate
    original: str | None = None


@dataclass(frozen=True)
class Vote:
    """What was answered to a pair.

    Attributes:
        pair: The pair.
        likeness: Which looks more like a photo.
        closeness: Which is closer to the original; empty where it was not seen.
    """

    pair: Pair
    likeness: Answer
    closeness: Answer

    def to_row(self) -> dict[str, Any]:
        """Return the vote as a table's row, with names in place of sides."""
        return {
            "photo": self.pair.photo,
            "left": self.pair.a.name,
            "right": self.pair.b.name,
            "more_like_a_photo": self._name(self.likeness),
            "closer_to_the_original": self._name(self.closeness),
        }

    def _name(self, answer: Answer) -> str:
        return {"a": self.pair.a.name, "b": self.pair.b.name, "same": "no difference"}.get(answer, "")


@dataclass(frozen=True)
class Ballot:
    """Pairs in the order in which they are shown, and the votes so far.

    Attributes:
        voter: A random name for who votes.
        pairs: The pairs.
        votes: Answers to the first of them.
    """

    voter: str
    pairs: tuple[Pair, ...]
    votes: tuple[Vote, ...] = ()

    @property
    def current(self) -> Pair | None:
        """The pair that is to be voted on; None when all are done."""
        return self.pairs[len(self.votes)] if len(self.votes) < len(self.pairs) else None

    def cast(self, likeness: Answer, closeness: Answer) -> "Ballot":
        """Return the ballot with an answer to the current pair."""
        assert self.current is not None
        return replace(self, votes=(*self.votes, Vote(self.current, likeness, closeness)))

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the votes as a table's rows."""
        return [{"voter": self.voter, **vote.to_row()} for vote in self.votes]


def draw_ballot(pairs: Iterable[Pair], random: Random) -> Ballot:
    """Shuffle pairs, and draw for each which picture is on the left."""
    drawn = [replace(pair, a=pair.b, b=pair.a) if random.random() < 0.5 else pair for pair in pairs]
    random.shuffle(drawn)
    return Ballot(f"{random.getrandbits(32):08x}", tuple(drawn))


def pair_runs(runs: Sequence[Run], most: int = 12) -> list[Pair]:
    """Pair the runs of each photo with each other, the newest first.

    Args:
        runs: The runs, oldest first; those of files without a photo have nothing to be compared with.
        most: How many pairs are made at most.
    """
    measured = [run for run in reversed(runs) if run.photo]
    pairs = [
        Pair(first.name, _candidate(first), _candidate(second), first.photo)
        for first, second in combinations(measured, 2)
        if first.photo == second.photo and first.picture != second.picture
    ]
    return pairs[:most]


def pair_folders(
    names: tuple[str, str], first: Mapping[str, str], second: Mapping[str, str], originals: Mapping[str, str]
) -> list[Pair]:
    """Pair the pictures of two folders that are called the same.

    Args:
        names: What the folders are called in the results.
        first: Paths of pictures by their name, without ending.
        second: Those of the other folder.
        originals: Those of the photos; may be empty.
    """
    return [
        Pair(name, Candidate(names[0], first[name]), Candidate(names[1], second[name]), originals.get(name))
        for name in sorted(first.keys() & second.keys())
    ]


def count_votes(votes: Iterable[Vote]) -> dict[str, tuple[int, int, int]]:
    """Count for each candidate `(pairs, chosen as more like a photo, chosen as closer)`."""
    counts: dict[str, tuple[int, int, int]] = {}
    for vote in votes:
        for side, candidate in (("a", vote.pair.a), ("b", vote.pair.b)):
            seen, like, close = counts.get(candidate.name, (0, 0, 0))
            counts[candidate.name] = seen + 1, like + (vote.likeness == side), close + (vote.closeness == side)
    return counts


def _candidate(run: Run) -> Candidate:
    return Candidate(f"run {run.number}: {run.preset}, {run.rates.file_bytes} bytes", run.picture)
