"""Work in a thread of its own."""

import pytest

from percov2_demo.ui.jobs.background import watch


def test_events_come_in_their_order():
    def work(tell, is_stopped):
        for number in range(3):
            tell(number)

    assert list(watch(work)) == [0, 1, 2]


def test_events_come_before_what_went_wrong():
    def work(tell, is_stopped):
        tell("started")
        raise ValueError("no")

    events = watch(work)
    assert next(events) == "started"
    with pytest.raises(ValueError, match="no"):
        next(events)


def test_closing_tells_the_work_to_stop_and_waits():
    left = []

    def work(tell, is_stopped):
        while not is_stopped():
            tell("working")
        left.append("cleanly")

    events = watch(work)
    next(events)
    events.close()
    assert left == ["cleanly"]
