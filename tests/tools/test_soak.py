"""Seconds of what `python -m tools.soak` does for hours: the real server as a process, with tiny models."""

import pytest

from tests.conftest import tiny_pipeline
from tools.soak.__main__ import soak
from tools.soak.report import compare, failures, summarise
from tools.soak.server import started
from tools.soak.visitors import WEIGHTS, Visit, Visitor


SECONDS = 20
LIFETIME_SECONDS = 15

PATIENT_SECONDS = 60
"""How long files live where a visitor who asks for all that he may keeps others waiting."""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("soak")
    tiny_pipeline().save_pretrained(folder / "model")
    with started(folder, "--model", str(folder / "model"), lifetime=LIFETIME_SECONDS) as server:
        return soak(server, folder, 3, SECONDS, seed=1, lifetime=LIFETIME_SECONDS, interval=1)


@pytest.mark.slow
def test_nothing_fails(report):
    assert failures(report) == []


@pytest.mark.slow
def test_every_visitor_is_served(report):
    assert min(report["fairness"]["requests_of_each"]) > 0
    assert set(report["requests"]) <= {"all", *WEIGHTS}


@pytest.mark.slow
def test_the_server_was_watched_and_stopped(report):
    assert len(report["memory_megabytes"]["each_minute"]) == 1
    assert report["files"]["most"] > report["files"]["before"]


def test_errors_and_times_are_counted():
    first, second = (Visitor("", None, seed) for seed in (1, 2))
    first.visits = [Visit("info", waiting=number, running=1) for number in range(3)]
    second.visits = [Visit("page", running=0.5, error="page: no answer")]
    report = summarise([first, second])
    assert report["errors"] == {"page: no answer": 1}
    assert (report["requests"]["all"]["count"], report["requests"]["info"]["count"]) == (4, 3)
    assert report["requests"]["info"]["waiting_seconds"] == {"p50": 1, "p95": 1.9, "max": 2}
    assert report["fairness"] == {"requests_of_each": [3, 1], "least_to_most": 0.33}


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"errors": {"page: no answer": 2}}, "2 times page: no answer"),
        ({"fairness": {"requests_of_each": [5, 0]}}, "never served"),
        ({"full_queue": {"status": 200, "answer": ""}}, "full"),
        ({"memory_megabytes": {"growth": 100.0}}, "grew by 100.0 MB"),
        ({"files": {"left": 1, "after_stop": 0}}, "files are left"),
        ({"files": {"left": 0, "after_stop": 1}}, "files are left"),
        ({"stopping_seconds": 5.1}, "stopping took 5.1 seconds"),
    ],
)
def test_what_must_not_be_is_found(part, words):
    queue = {"status": 503, "answer": "Queue is full."}
    healthy = {"errors": {}, "fairness": {"requests_of_each": [5, 4]}, "full_queue": queue}
    assert failures(healthy) == []
    (found,) = failures(healthy | part)
    assert words in found


def test_soaks_are_compared_by_how_long_visitors_wait():
    def soaked(seconds):
        visitor = Visitor("", None, 1)
        visitor.visits = [Visit("info", waiting=seconds, running=1), Visit("page", running=1)]
        return summarise([visitor]) | {"failures": []}

    report = compare(soaked(2.0), soaked(3.0))
    assert report["waiting_ratio"]["info"] == {"p50": 1.5, "p95": 1.5, "max": 1.5}
    assert report["failures"] == []
    assert compare(soaked(2.0), soaked(4.2))["failures"] == [
        "with a hostile visitor the others wait 2.1 times as long"
    ]


@pytest.mark.slow
def test_a_hostile_visitor_is_outlived(tmp_path):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    with started(tmp_path, "--model", str(tmp_path / "model"), lifetime=PATIENT_SECONDS) as server:
        report = soak(server, tmp_path, 2, SECONDS, 1, PATIENT_SECONDS, interval=1, hostile=True)
    assert failures(report) == []
    (hostile,) = report["hostile"]
    assert hostile["taken"]
    assert hostile["refused"]
