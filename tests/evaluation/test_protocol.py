"""The pictures and captions that an evaluation is given."""

import json

import pytest

from percov2_demo.errors import InputError
from percov2_demo.evaluation.baselines import available_codecs
from percov2_demo.evaluation.protocol import (
    Protocol,
    choose_codecs,
    describe_pictures,
    distinct_samplings,
    list_pictures,
)
from percov2_demo.sampling.settings import Sampling
from tests.scene import draw_scene


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.jpg"):
        draw_scene(300, 260).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def write_captions(folder, **captions):
    path = folder / "captions.jsonl"
    path.write_text("\n".join(json.dumps({"file": f"{n}.png", "caption": text}) for n, text in captions.items()))
    return path


def test_pictures_come_in_the_order_of_their_names(folder):
    pictures = list_pictures(folder, None, "crop", 1280)
    assert [picture.name for picture in pictures] == ["a", "b"]
    assert [picture.caption for picture in pictures] == ["", ""]
    assert pictures[0].load().size == (512, 512)


def test_captions_are_read_by_file_name(folder):
    (folder / "a.jpg").unlink()
    captions = write_captions(folder, b="a house", other="unused")
    (picture,) = list_pictures(folder, captions, "crop", 1280)
    assert picture.caption == "a house"


def test_captioner_sees_what_is_coded(folder):
    pictures = describe_pictures(list_pictures(folder, None, "crop", 1280), lambda image: f"{image.size} of red")
    assert [(picture.name, picture.caption) for picture in pictures] == [
        ("a", "(512, 512) of red"),
        ("b", "(512, 512) of red"),
    ]


def test_a_missing_caption_is_named(folder):
    with pytest.raises(InputError, match=r"no caption for a\.jpg"):
        list_pictures(folder, write_captions(folder, b="a house"), "crop", 1280)


@pytest.mark.parametrize("text", ['{"file": "b.png"}', '{"file": "b.png", "caption": 7}', "[]", "no json"])
def test_a_malformed_caption_file_is_refused(folder, text):
    path = folder / "captions.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=r"captions\.jsonl must hold one JSON object a line"):
        list_pictures(folder, path, "crop", 1280)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures in"):
        list_pictures(tmp_path, None, "crop", 1280)


def test_pictures_of_one_name_are_refused(folder):
    draw_scene(64, 64).save(folder / "a.png")
    with pytest.raises(InputError, match="two pictures are named a"):
        list_pictures(folder, None, "crop", 1280)


def test_codecs_are_chosen_by_name():
    assert choose_codecs(["none"]) == ()
    assert choose_codecs(["all"]) == tuple(available_codecs())
    assert choose_codecs(["jpeg2000", "jpeg"]) == ("jpeg2000", "jpeg")
    with pytest.raises(InputError, match="mpeg is not available: choose of jpeg"):
        choose_codecs(["mpeg"])


def test_settings_are_named_once():
    fields = {
        "presets": ("low",),
        "entropies": ("default",),
        "samplings": (Sampling(),),
        "fit": "crop",
        "captions": "none",
        "baselines": (),
        "learned": (),
        "dataset": "drawn",
    }
    Protocol(**fields)
    for name, twice in (("presets", ("low", "low")), ("samplings", (Sampling(), Sampling()))):
        with pytest.raises(InputError, match=f"one of the {name} is named twice"):
            Protocol(**fields | {name: twice})


def test_repeated_samplings_are_measured_once_and_the_estimate_is_one():
    default, estimate = Sampling(), Sampling(strength=0.0)
    again = [default, estimate, Sampling(steps=20), Sampling(steps=20, strength=0.0), default]
    assert distinct_samplings(again) == (default, estimate, Sampling(steps=20))
    assert distinct_samplings([estimate, estimate]) == (estimate,)
