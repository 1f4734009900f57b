"""Whose turn it is."""

import random
from collections import Counter

from percov2_demo.ui.server.turns import MOST_VISITORS, Turns


def served(costs: dict[str, float], rounds: int) -> Counter[str]:
    """Seconds that visitors get who always have a request waiting, by name, with seconds for a request of each."""
    turns, got = Turns(), Counter()
    arrived = dict.fromkeys(costs, 0.0)
    for _ in range(rounds):
        visitor = min(costs, key=lambda name: turns.due(name, arrived[name]))
        turns.begin(visitor, arrived[visitor])
        turns.book(visitor, costs[visitor])
        got[visitor] += costs[visitor]
        arrived[visitor] = turns.now
    return got


def test_time_is_shared_equally_whatever_a_request_takes():
    got = served({"hostile": 60.0, "a": 1.0, "b": 3.0}, 500)
    assert max(got.values()) - min(got.values()) <= 2 * 60


def test_who_comes_new_waits_no_longer_than_who_has_waited():
    turns = Turns()
    turns.begin("old", 0.0)
    turns.book("old", 50.0)
    arrived = turns.now
    assert turns.due("new", arrived) < turns.due("old", arrived)
    # Being new again and again gives nothing: the others are not behind.
    assert turns.due("newer", arrived) == turns.due("new", arrived)


def test_who_was_away_has_saved_up_nothing():
    turns = Turns()
    for _ in range(100):
        arrived = turns.now
        turns.begin("busy", arrived)
        turns.book("busy", 1.0)
    assert turns.due("away", turns.now) >= turns.due("busy", turns.now) - 1.0


def test_of_many_visitors_the_last_are_remembered():
    turns, random_ = Turns(), random.Random(1)
    for number in range(2 * MOST_VISITORS):
        turns.begin(f"visitor {number}", turns.now)
        turns.book(f"visitor {number}", random_.random())
        turns.begin("clock", turns.now)
        turns.book("clock", 1.0)
    assert len(turns._free) == MOST_VISITORS
    assert "clock" in turns._free
