"""The handlers of the session board."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from percov2_demo.ui.panels.metric_plot import ALL_PHOTOS
from percov2_demo.ui.panels.run_cards import OPEN_BOARD, create_run_list
from percov2_demo.ui.render.plots import LPIPS, PAYLOAD_RATE
from percov2_demo.ui.session.collection import RunCollection
from percov2_demo.ui.session.run import Origin
from percov2_demo.ui.tabs.compress import CompressTab
from percov2_demo.ui.tabs.session import BOARD_TAB, SessionBoard
from tests.ui.session.test_run import RUN


ARGUMENTS = ("http://here/", ALL_PHOTOS, "deep_realism", "psnr", False)
"""What `show` is told besides the collection and the click."""


@pytest.fixture
def board(fake, session):
    return SessionBoard(fake, session, CompressTab(fake, session), gr.Tabs(), create_run_list(visible=False))


@pytest.fixture
def run(saved_picture):
    sampling = replace(RUN.sampling, strength=0.4)
    metrics = {"psnr": 18.0, "ms_ssim": 0.5, "lpips": None, "deep_realism": 0.6, "colour_shift": 4.0}
    paths = {"picture": saved_picture, "original": saved_picture, "thumbnail": saved_picture}
    origin = Origin(saved_picture, "squash", "qlds", 2)
    return replace(RUN, number=1, sampling=sampling, metrics=metrics, origin=origin, **paths)


@pytest.fixture
def foreign(run):
    return replace(run, number=2, original=None, metrics={}, origin=None, caption_source="file")


def collect(board, *runs, published=False):
    collection = RunCollection()
    for run in runs:
        updates = board.collect(collection, [run], ALL_PHOTOS, "deep_realism", "psnr", published)
        collection = updates[board.collection]
    return updates


def clicked(number):
    return SimpleNamespace(index=number)


def points_of(figure):
    return [number for trace in figure.data if trace.mode != "lines" for number, *_ in trace.customdata]


def path_of(button):
    return Path(button.value["path"])


def test_a_run_becomes_a_card_and_a_point(board, run):
    updates = collect(board, run, replace(run, number=2))
    assert updates[board.cards].count("<li") == 2
    assert points_of(updates[board.plot]) == [1, 2]
    assert updates[board.panel].visible is True
    assert updates[board.welcome].visible is False
    assert "2 runs" in updates[board._tray].value
    assert path_of(updates[board.view.stream_download]).read_bytes() == run.stream


def test_no_run_and_the_same_run_change_nothing(board, run):
    collection = collect(board, run)[board.collection]
    assert board.collect(RunCollection(), [], ALL_PHOTOS, "deep_realism", "psnr", True) == gr.skip()
    assert board.collect(collection, [run], ALL_PHOTOS, "deep_realism", "psnr", True) == gr.skip()


def test_a_file_from_elsewhere_is_a_card_and_no_point(board, run, foreign):
    updates = collect(board, run, foreign)
    assert updates[board.cards].count("<li") == 2
    assert points_of(updates[board.plot]) == [1]


def test_lpips_is_offered_where_a_run_has_it(board, run):
    assert LPIPS not in [column for _, column in board.x.choices]
    assert board.x not in collect(board, run)
    updates = collect(board, run, replace(run, number=2, metrics={**run.metrics, LPIPS: 0.3}))
    for axis in (board.x, board.y):
        assert LPIPS in [column for _, column in updates[axis].choices]


def test_published_figures_are_a_layer_to_switch(board, run):
    collection = collect(board, run)[board.collection]
    with_layer = board.draw(collection, 1, ALL_PHOTOS, PAYLOAD_RATE, "psnr", True)
    without = board.draw(collection, 1, ALL_PHOTOS, PAYLOAD_RATE, "psnr", False)
    assert len(with_layer[board.plot].data) > len(without[board.plot].data) == 1
    assert "published: kodak" in with_layer[board.published]
    assert without[board.published] == ""
    assert with_layer[board.with_published].visible is True
    elsewhere = board.draw(collection, 1, ALL_PHOTOS, "deep_realism", "psnr", True)
    assert (elsewhere[board.with_published].visible, elsewhere[board.published]) == (False, "")


def test_the_plot_is_of_one_photo_unless_asked_for_all(board, run):
    other = replace(run, number=3, name="garden", original=run.original + ".other")
    updates = collect(board, run, replace(run, number=2), other)
    collection = updates[board.collection]
    assert points_of(updates[board.plot]) == [3]
    assert updates[board.photo].choices == [
        ("garden, 512×512", 3),
        ("holiday, 512×512", 1),
        ("All photos", ALL_PHOTOS),
    ]
    assert updates[board.photo].value == 3
    drawn = [board.draw(collection, 1, photo, "deep_realism", "psnr", False) for photo in (1, ALL_PHOTOS)]
    assert [points_of(each[board.plot]) for each in drawn] == [[1, 2], [1, 2, 3]]
    assert board.show(collection, "http://here/", 3, "deep_realism", "psnr", False, clicked(2))[board.photo] == 1
    assert re.findall(r"<h3>(\w+),", updates[board.cards]) == ["garden", "holiday"]


def test_a_click_shows_the_run_and_restores_it(board, run):
    collection = collect(board, run, replace(run, number=2))[board.collection]
    updates = board.show(collection, *ARGUMENTS, clicked(1))
    compress = board._compress
    assert "Run 1" in updates[board.view.heading]
    assert 'class="comparison' in updates[board.view.picture]
    assert (updates[compress.coding.presets], updates[compress.coding.fit]) == (["ultra-low"], "squash")
    assert (updates[compress.coding.entropy], updates[compress.coding.withheld].value) == ("qlds", 2)
    assert (updates[compress.caption.source], updates[compress.caption.text]) == ("custom", "é")
    assert [updates[part] for part in compress.sampling.components] == [4, 3.0, 0.4, 9, 0.0, "own"]
    assert updates[compress.photo.image] == run.origin.photo
    assert "photo and settings are back" in updates[board.note]
    assert updates[board.is_in_compress]
    assert set(updates) <= {board.photo, board.is_in_compress, *board._drawn, *board._run, *compress.restorable}


def test_a_photo_that_is_deleted_is_said(board, run):
    gone = replace(run, origin=replace(run.origin, photo=run.origin.photo + ".gone"))
    updates = board.show(collect(board, gone)[board.collection], *ARGUMENTS, clicked(1))
    assert board._compress.photo.image not in updates
    assert not updates[board.is_in_compress]
    assert "Its photo is deleted" in updates[board.note]


def test_a_run_of_a_file_leaves_the_photo(board, foreign):
    updates = board.show(collect(board, foreign)[board.collection], *ARGUMENTS, clicked(2))
    compress = board._compress
    assert compress.photo.image not in updates
    assert not updates[board.is_in_compress]
    assert compress.coding.fit not in updates
    assert updates[compress.caption.text] == foreign.caption
    assert "a file without one" in updates[board.note]


def test_deleted_pictures_leave_the_stream_and_the_settings(board, run):
    Path(run.picture).unlink()
    collection = RunCollection((run,))
    updates = board.show(collection, *ARGUMENTS, clicked(1))
    assert "deleted" in updates[board.view.picture]
    assert updates[board.view.picture_download].interactive is False
    assert path_of(updates[board.view.stream_download]).read_bytes() == run.stream
    assert points_of(board.draw(collection, 1, ALL_PHOTOS, "deep_realism", "psnr", False)[board.plot]) == [1]


def test_a_run_that_is_gone_is_said(board):
    with pytest.raises(gr.Error, match="no longer here"):
        board.show(RunCollection(), *ARGUMENTS, clicked(1))


def test_the_tray_opens_the_board(board, run):
    collection = collect(board, run)[board.collection]
    opened = board.open(collection, *ARGUMENTS, clicked(OPEN_BOARD))
    assert opened[board._tabs].selected == BOARD_TAB
    assert set(opened) == {board._tabs, board.is_in_compress}
    assert not opened[board.is_in_compress]
    assert "Run 1" in board.open(collection, *ARGUMENTS, clicked(1))[board.view.heading]


def test_clear_leaves_nothing(board, run):
    collection = collect(board, run)[board.collection]
    assert board.clear(False, collection) == gr.skip()
    updates = board.clear(True, collection)
    assert updates[board.collection].runs == ()
    assert updates[board.panel].visible is False
    assert updates[board._tray].visible is False
    again = board.collect(
        updates[board.collection], [replace(run, number=2)], ALL_PHOTOS, "deep_realism", "psnr", False
    )
    assert [kept.number for kept in again[board.collection].runs] == [2]
