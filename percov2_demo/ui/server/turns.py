"""Decide whose turn it is, so that who asks for much takes no more time from the others than who asks for little.

This is start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), with times measured after the work in place of
lengths known before it.
"""

from collections.abc import Hashable


EXPECTED_SECONDS = 1.0
"""What a turn is taken to last until it has ended."""


MOST_VISITORS = 1000
"""Visitors who are remembered."""


class Turns:
    """A clock that goes by the turns that were taken, and where on it each visitor may take the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._free: dict[Hashable, float] = {}

    def due(self, visitor: Hashable, arrived: float) -> float:
        """Return where on the clock a visitor's next turn is; the smallest is the first to be served.

        Args:
            visitor: Who asks.
            arrived: What `now` was when the request came.
        """
        return max(arrived, self._free.get(visitor, 0.0))

    def begin(self, visitor: Hashable, arrived: float) -> None:
        """Set the clock to a turn that is taken, and charge the visitor for what is expected of it."""
        start = self.due(visitor, arrived)
        self.now = max(self.now, start)
        # At once, because the next turn may begin before this one's time is known.
        self._free[visitor] = start + EXPECTED_SECONDS

    def book(self, visitor: Hashable, seconds: float) -> None:
        """Charge a visitor for what a turn took, in seconds; of too many visitors, those behind are forgotten."""
        self._free[visitor] = self._free.get(visitor, self.now) + seconds - EXPECTED_SECONDS
        if len(self._free) > MOST_VISITORS:
            del self._free[min(self._free, key=self._free.__getitem__)]
