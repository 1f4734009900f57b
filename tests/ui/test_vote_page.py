"""The page of a study."""

import csv
from random import Random

import pytest

from percov2_demo.__main__ import FAILURE, main
from percov2_demo.ui.session.ballot import Candidate, Pair, draw_ballot
from percov2_demo.ui.vote_page import _write, build_vote


def test_the_page_has_a_booth(saved_picture):
    pair = Pair("wall", Candidate("first", saved_picture), Candidate("second", saved_picture))
    demo = build_vote([pair])
    assert any(getattr(block, "label", "") == "Which looks more like a photo?" for block in demo.blocks.values())


def test_each_voter_gets_a_file(tmp_path, saved_picture):
    pair = Pair("wall", Candidate("first", saved_picture), Candidate("second", saved_picture))
    for number in range(2):
        ballot = draw_ballot([pair], Random(number)).cast("same", "")
        _write(ballot, tmp_path)
        with (tmp_path / f"votes-{ballot.voter}.csv").open(newline="") as file:
            assert [row["photo"] for row in csv.DictReader(file)] == ["wall"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("names", "sentence"), [(("a.png", "b.png"), "no pictures of the same name"), ((), "no pictures in")]
)
def test_folders_that_cannot_be_compared_are_said(tmp_path, scene, capsys, names, sentence):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    for folder, name in zip(folders, names, strict=False):
        scene.save(folder / name)
    assert main(["vote", *map(str, folders)]) == FAILURE
    assert sentence in capsys.readouterr().err
