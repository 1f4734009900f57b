"""The runs that are kept."""

from dataclasses import replace

from percov2_demo.ui.session.collection import MAX_RUNS, RunCollection
from tests.ui.session.test_run import RUN


def runs(*numbers):
    return [replace(RUN, number=number) for number in numbers]


def collect(members, collection=None):
    collection = collection or RunCollection()
    for run in members:
        collection = collection.add([run])
    return collection


def test_runs_are_kept_in_their_order_and_found_by_number():
    first, second = runs(1, 2)
    collection = collect([first, second])
    assert collection.runs == (first, second)
    assert collection.find(2) is second
    assert collection.find(3) is None


def test_a_run_that_is_told_twice_is_kept_once():
    first, second = runs(1, 2)
    collection = collect([first, second])
    assert collection.add([second]) is collection
    assert collection.add([]) is collection


def test_what_was_missed_of_a_job_comes_with_its_next_run():
    first, second, third = runs(1, 2, 3)
    assert collect([first]).add([first, second, third]).runs == (first, second, third)


def test_the_oldest_leave():
    collection = collect(runs(*range(1, MAX_RUNS + 3)))
    assert [run.number for run in collection.runs] == list(range(3, MAX_RUNS + 3))
    assert collection.dropped == 2


def test_what_was_cleared_does_not_come_back():
    (run,) = runs(1)
    cleared = collect([run]).clear()
    assert cleared.runs == ()
    assert cleared.add([run]) is cleared


def test_numbers_that_begin_again_begin_a_collection():
    later = collect(runs(1), collect(runs(1, 2, 3)))
    assert [run.number for run in later.runs] == [1]
