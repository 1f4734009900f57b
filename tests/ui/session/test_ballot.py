"""A vote as a value."""

from dataclasses import replace
from random import Random

from percov2_demo.ui.session.ballot import Candidate, Pair, count_votes, draw_ballot, pair_folders, pair_runs
from tests.ui.session.test_run import RUN


PAIRS = [Pair(f"photo {number}", Candidate("one", "1.png"), Candidate("two", "2.png")) for number in range(40)]


def test_sides_and_order_are_drawn():
    ballot = draw_ballot(PAIRS, Random(0))
    assert {pair.photo for pair in ballot.pairs} == {pair.photo for pair in PAIRS}
    assert [pair.photo for pair in ballot.pairs] != [pair.photo for pair in PAIRS]
    assert 10 < sum(pair.a.name == "one" for pair in ballot.pairs) < 30
    assert draw_ballot(PAIRS, Random(1)).voter != ballot.voter


def test_votes_count_for_names_whatever_their_side():
    ballot = draw_ballot(PAIRS, Random(0))
    while (pair := ballot.current) is not None:
        side = "a" if pair.a.name == "one" else "b"
        ballot = ballot.cast(side, "same" if len(ballot.votes) % 2 else "")
    assert count_votes(ballot.votes) == {"one": (40, 40, 0), "two": (40, 0, 0)}
    rows = ballot.to_rows()
    assert {row["more_like_a_photo"] for row in rows} == {"one"}
    assert {row["closer_to_the_original"] for row in rows} == {"", "no difference"}
    assert {row["voter"] for row in rows} == {ballot.voter}


def test_runs_of_one_photo_are_paired():
    runs = [replace(RUN, number=number, picture=f"{number}.png") for number in (1, 2, 3)]
    other = replace(RUN, number=4, original="/elsewhere.png", picture="4.png")
    foreign = replace(RUN, number=5, original=None, picture="5.png")
    same = replace(RUN, number=6, picture="3.png")
    pairs = pair_runs([*runs, other, foreign, same])
    assert {frozenset((pair.a.path, pair.b.path)) for pair in pairs} == {
        frozenset(paths) for paths in (("1.png", "2.png"), ("1.png", "3.png"), ("2.png", "3.png"))
    }
    assert {pair.original for pair in pairs} == {RUN.original}
    assert len(pair_runs(runs, most=2)) == 2


def test_folders_are_paired_by_name():
    pairs = pair_folders(
        ("one", "two"), {"a": "1/a.png", "b": "1/b.png"}, {"b": "2/b.jpg", "c": "2/c.png"}, {"b": "o/b.png"}
    )
    assert pairs == [Pair("b", Candidate("one", "1/b.png"), Candidate("two", "2/b.jpg"), "o/b.png")]
