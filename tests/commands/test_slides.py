"""The slides that a host chooses for a kiosk."""

import pytest

from percov2_demo.__main__ import FAILURE, main
from percov2_demo.commands.slides import find_slides
from percov2_demo.data.caption_lines import write_caption_lines
from percov2_demo.errors import InputError
from percov2_demo.ui.kiosk import Slide, example_slides


@pytest.fixture
def folder(tmp_path, scene):
    folder = tmp_path / "slides"
    folder.mkdir()
    for name in ("b.png", "a.jpg"):
        scene.save(folder / name)
    return folder


def test_examples_folders_and_pictures_come_in_the_order_given(folder):
    slides = find_slides([str(folder), "lion", str(folder / "b.png")])
    assert slides == (Slide(folder / "a.jpg"), Slide(folder / "b.png"), example_slides()["lion"], slides[1])


def test_captions_are_read_beside_the_pictures(folder):
    lines = [{"file": "a.jpg", "caption": "a wall"}, {"file": "b.png", "caption": ""}]
    write_caption_lines(folder / "captions.jsonl", lines)
    assert [slide.caption for slide in find_slides([str(folder)])] == ["a wall", ""]
    assert find_slides([str(folder / "a.jpg")])[0].caption == "a wall"
    write_caption_lines(folder / "captions.jsonl", lines[:1])
    with pytest.raises(InputError, match=r"no caption for b\.png"):
        find_slides([str(folder)])


def test_a_picture_that_cannot_be_read_is_named_and_left_out(folder, capsys):
    (folder / "a.jpg").write_text("no picture")
    assert find_slides([str(folder)]) == (Slide(folder / "b.png"),)
    assert "a.jpg: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dog", "dog is no picture, no folder of pictures, and no example: those are tower, cheetah, lion, cheetah1"),
        ("empty", "no pictures in empty"),
        ("notes.txt", "no picture of --kiosk-slides can be shown"),
    ],
)
def test_where_there_is_nothing_to_show_no_model_is_loaded(name, sentence, tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--kiosk", "--model", "gone", "--kiosk-slides", name]) == FAILURE
    assert sentence in capsys.readouterr().err
