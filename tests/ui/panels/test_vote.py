"""The handlers of a vote."""

import csv
from urllib.parse import unquote

import gradio as gr
import pytest

from percov2_demo.ui.panels.vote import VotePanel
from percov2_demo.ui.session.ballot import Candidate, Pair


@pytest.fixture
def pair(saved_picture):
    return Pair("wall", Candidate("secret one", saved_picture), Candidate("secret two", saved_picture), saved_picture)


@pytest.fixture
def kept():
    return []


@pytest.fixture
def panel(blocks, kept):
    return VotePanel(kept.append)


def test_names_are_told_only_with_the_results(panel, pair):
    shown = panel.begin([pair])
    html = shown[panel.pictures]
    assert "Pair 1 of 1" in html
    assert html.count("<img") == 2
    assert "secret" not in html
    ended = panel.vote(shown[panel.ballot], "a", None)
    assert ended[panel.booth].visible is False
    assert "secret one" in ended[panel.results]
    assert "secret two" in ended[panel.results]


def test_the_original_is_there_on_request_and_with_it_the_second_question(panel, pair):
    shown = panel.begin([pair])
    assert shown[panel.closeness].visible is False
    asked = panel.show_original(shown[panel.ballot])
    assert asked[panel.pictures].count("<img") == 3
    assert asked[panel.closeness].visible is True


def test_without_an_original_none_is_offered(panel, pair):
    without = Pair(pair.photo, pair.a, pair.b)
    assert panel.begin([without])[panel.original_button].visible is False


def test_every_vote_is_kept_and_written(panel, pair, kept):
    ballot = panel.begin([pair, pair])[panel.ballot]
    ballot = panel.vote(ballot, "a", "b")[panel.ballot]
    ballot = panel.vote(ballot, "same", None)[panel.ballot]
    assert [len(each.votes) for each in kept] == [1, 2]
    path = unquote(panel.write(ballot).partition("file=")[2])
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    first = ballot.pairs[0]
    assert [row["more_like_a_photo"] for row in rows] == [first.a.name, "no difference"]
    assert [row["closer_to_the_original"] for row in rows] == [first.b.name, ""]


def test_an_unanswered_pair_and_an_empty_ballot_are_said(panel, pair):
    ballot = panel.begin([pair])[panel.ballot]
    with pytest.raises(gr.Error, match="Answer first"):
        panel.vote(ballot, None, None)
    with pytest.raises(gr.Error, match="no vote yet"):
        panel.write(ballot)
