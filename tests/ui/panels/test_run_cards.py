"""Runs as cards."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

from percov2_demo.ui.panels.run_cards import cards_html, heading_html, picture_html, tray_html
from percov2_demo.ui.server.files import file_url
from percov2_demo.ui.session.collection import RunCollection
from tests.ui.session.test_run import RUN


@pytest.fixture
def run(saved_picture):
    metrics = {"psnr": 18.25, "lpips": None, "deep_realism": 0.5}
    paths = {"picture": saved_picture, "original": saved_picture, "thumbnail": saved_picture}
    sampling = replace(RUN.sampling, strength=0.5)
    return replace(RUN, sampling=sampling, caption='<b>an "old" castle</b>', metrics=metrics, **paths)


def numbers(html):
    return [int(number) for number in re.findall(r'data-run="(\d+)"', html)]


def test_a_card_says_it_all_and_escapes_what_was_typed(run):
    html = cards_html((run,), shown=3)
    assert escape(run.caption) in html
    assert "<b>an" not in html
    settings = "guidance 3 · 4 steps · strength 0.5 · seed 9"
    for text in (settings, f"{len(run.stream)} bytes", "ultra-low", "18.25 dB", "Deep realism", "1.2 s"):
        assert text in html
    assert "LPIPS" not in html
    assert file_url(run.thumbnail) in html


def test_the_newest_is_first_and_the_shown_one_marked(run):
    runs = tuple(replace(run, number=number) for number in (1, 2, 3))
    html = cards_html(runs, shown=2)
    assert numbers(html) == [3, 2, 1]
    assert re.findall(r'data-run="(\d+)"[^>]*aria-current', html) == ["2"]


def test_dropped_runs_are_said(run):
    assert "The oldest 4 left" in cards_html((run,), shown=3, dropped=4)
    assert "oldest" not in cards_html((run,), shown=3)


def test_the_tray_has_the_last_runs_after_the_board(run):
    runs = tuple(replace(run, number=number) for number in range(1, 9))
    assert numbers(tray_html(RunCollection(runs))) == [0, 8, 7, 6, 5, 4]


def test_cards_are_grouped_by_photo(run):
    other = replace(run, number=4, name="garden", original="/elsewhere.png")
    html = cards_html((run, other, replace(run, number=5)), shown=3)
    assert re.findall(r"<h3>(\w+), 512×512 <small>(\w+ \w+)</small>", html) == [
        ("holiday", "2 runs"),
        ("garden", "1 run"),
    ]
    assert numbers(html) == [5, 3, 4]


def test_what_became_of_the_file_is_said(run):
    assert "seed 9 · fast · 3 tokens lost" in cards_html((replace(run, fast=True, note="3 tokens lost"),), shown=3)


def test_a_run_of_a_file_has_no_metrics(run):
    foreign = replace(run, original=None, metrics={}, caption_source="file")
    html = cards_html((foreign,), shown=3)
    assert "no original to measure against" in html
    assert "<dl>" not in html
    assert "from the file" in html
    assert 'class="comparison' not in picture_html(foreign)
    assert file_url(run.picture) in picture_html(foreign)


def test_a_picture_is_shown_beside_its_original(run):
    assert 'class="comparison' in picture_html(run)
    assert "&lt;b&gt;an" in heading_html(run)


def test_deleted_files_are_said(run):
    Path(run.picture).unlink()
    assert "deleted" in picture_html(run)
    assert "<img" not in cards_html((run,), shown=3) + tray_html(RunCollection((run,)))
