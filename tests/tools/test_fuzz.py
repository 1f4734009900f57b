"""A few seconds of every fuzz target; `python -m tools.fuzz` does it for hours."""

import pytest

from tools.fuzz.__main__ import TARGET_NAMES, run_mutants
from tools.fuzz.targets import TARGETS, Target


def test_every_target_can_be_named():
    assert set(TARGET_NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_is_taken(name):
    corpus = TARGETS[name].corpus()
    assert len(corpus) > 3
    assert all(map(TARGETS[name].check, corpus))


COUNTS = {"container": 3000, "stream": 100, "caption": 30, "indices": 50, "picture": 600, "refined": 60, "block": 300}


@pytest.mark.parametrize("name", TARGETS)
def test_damage_is_refused_or_harmless(name):
    result = run_mutants(TARGETS[name], COUNTS[name], seed=20261121)
    assert result["tried"] == result["refused"] + result["taken"] == COUNTS[name]
    assert result["refused"] > COUNTS[name] / 4


def test_a_broken_promise_names_its_input():
    def check(data: bytes) -> bool:
        raise KeyError(len(data))

    with pytest.raises(AssertionError, match=r"KeyError on [0-9a-f]+"):
        run_mutants(Target(check, lambda: [b"one", b"two"]), 3, seed=0)
