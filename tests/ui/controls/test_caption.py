"""The caption's controls."""

import json

import gradio as gr
import pytest
from PIL import Image

from percov2_demo.checkpoints.folders import EMBEDDED_MODEL
from percov2_demo.ui.controls.caption import CaptionControls


PICTURE = Image.new("RGB", (64, 64))


@pytest.fixture
def controls(fake, blocks):
    return CaptionControls(fake, ["an example"])


def sources(controls) -> list[str]:
    return [value for _, value in controls.source.choices]


def test_automatic_is_offered_where_there_is_a_captioner(controls, fake, blocks):
    assert sources(controls) == ["custom", "none"]
    fake.captioner = object()
    captioned = CaptionControls(fake, [])
    assert sources(captioned) == ["auto", "custom", "none"]
    assert captioned.source.value == "auto"


@pytest.mark.parametrize(("caption", "source"), [(None, "none"), ("", "none"), ("a wall", "custom")])
def test_a_caption_is_chosen_with_its_author(controls, fake, caption, source):
    assert controls.choose(caption) == {controls.source: source, controls.text: caption or ""}
    fake.captioner = object()
    assert controls.choose(None)[controls.source] == "auto"


@pytest.mark.parametrize(
    ("caption", "source", "restored"),
    [("a wall", "custom", "custom"), ("", "none", "none"), ("a wall", "auto", "auto"), ("a wall", "file", "custom")],
)
def test_an_earlier_caption_is_restored_with_its_author(controls, caption, source, restored):
    assert controls.restore(caption, source) == {controls.source: restored, controls.text: caption}


def test_an_examples_caption_does_not_take_the_place_of_the_visitors(controls):
    assert controls.offer_example((0, []), "custom", "my own words") == ("my own words", "custom")
    assert controls.offer_example((0, []), "custom", "") == ("an example", "custom")
    assert controls.offer_example((0, []), "auto", "what the captioner wrote") == ("an example", "custom")


def test_bytes_are_the_models(controls, fake, monkeypatch):
    monkeypatch.setattr(type(fake), "caption_bytes", lambda self, caption: len(caption))
    assert "<b>13 bytes</b> in the file · 13 characters" in controls.count("custom", " an old castle ")


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("none", "an old castle", "No caption: 0 bytes."),
        ("custom", "  ", "No caption: 0 bytes."),
        ("auto", "", "Written from the photo"),
        ("custom", "é" * 600, "shorten it"),
    ],
)
def test_what_else_is_said(controls, source, text, said):
    assert said in controls.count(source, text)


def test_who_writes_the_caption(controls):
    assert controls.resolve(PICTURE, "custom", " a castle ") == ("a castle", "custom")
    assert controls.resolve(PICTURE, "custom", "  ") == ("", "none")
    assert controls.resolve(PICTURE, "none", "a castle") == ("", "none")
    assert controls.resolve(PICTURE, "auto", "a castle") == ("a picture 64 pixels wide", "auto")


def test_no_caption_has_no_text_box(controls):
    assert controls.offer_text("none").visible is False
    assert isinstance(controls.offer_text("custom"), gr.Textbox)


def test_what_was_measured_of_the_embedded_captioner_is_said_where_it_is_chosen(fake, blocks, monkeypatch, tmp_path):
    results = tmp_path / "captioner.json"
    results.write_text(json.dumps({"photos": 40, "content_overlap": 0.274}))
    monkeypatch.setattr("percov2_demo.checkpoints.folders.CAPTIONER_RESULTS", results)
    fake.captioner, fake.name_or_path = object(), str(EMBEDDED_MODEL)
    controls = CaptionControls(fake, [])
    for text in ("", "a wall"):
        assert "of 40 photos like those it was trained on, 27 % got" in controls.count("auto", text)
    assert "wrong" not in controls.count("custom", "a wall")
    fake.has_own_captioner = False
    assert "wrong" not in CaptionControls(fake, []).count("auto", "")
    fake.has_own_captioner, fake.name_or_path = True, str(tmp_path)
    assert "wrong" not in CaptionControls(fake, []).count("auto", "")
