"""The handlers of the caption lab."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.sweeps import difference
from percov2_demo.ui.panels.caption_tile import DIFFERENCE_PEAK
from percov2_demo.ui.render.plots import heat_map
from percov2_demo.ui.tabs.caption_lab import MAX_CAPTIONS, CaptionLab
from tests.ui.lab_fakes import CaptioningPipeline, LabPipeline


@pytest.fixture
def codec():
    return LabPipeline()


@pytest.fixture
def lab(codec, session):
    return CaptionLab(codec, session)


def run(lab, uploaded_photo, captions, automatic=False, noise="same", seed=3):
    photo = lab.prepare(uploaded_photo, captions)[lab.fitted]
    return list(lab.run(photo, (), "low", captions, automatic, noise, 2, 3.0, 1.0, seed))


def merged(updates):
    return {component: value for update in updates for component, value in update.items()}


def test_a_tile_for_no_caption_and_for_each_line(lab, codec, uploaded_photo):
    updates = run(lab, uploaded_photo, "an old castle\n\n  <b>a lighthouse</b> \nan old castle")
    filled = [update for update in updates if lab.painted in update]
    assert [len(update[lab.painted]) for update in filled] == [1, 2, 3]
    for update, tile in zip(filled, lab.tiles, strict=False):
        assert update[tile.column].visible is True
        assert {part for other in lab.tiles if other is not tile for part in other.components}.isdisjoint(update)
    texts = [update[tile.text] for update, tile in zip(filled, lab.tiles, strict=False)]
    assert "No caption" in texts[0]
    assert "<b>0 bits of text</b>" in texts[0]
    assert "“an old castle”" in texts[1]
    # Raw deflate of 13 letters takes 15 bytes.
    assert "<b>120 bits of text</b>: 15 of the file's" in texts[1]
    assert "“&lt;b&gt;a lighthouse&lt;/b&gt;”" in texts[2]
    assert [call["seed"] for call in codec.calls] == [3, 3, 3]


def test_maps_show_the_difference_to_no_caption(lab, uploaded_photo):
    shown = merged(run(lab, uploaded_photo, "an old castle"))
    plain, castle = (Image.open(shown[tile.picture]) for tile in lab.tiles[:2])
    assert lab.tiles[0].map not in shown
    assert f"by {difference(plain, castle).mean():.1f} of 255" in shown[lab.tiles[1].text]
    expected = heat_map(difference(plain, castle), DIFFERENCE_PEAK)
    assert np.array_equal(Image.open(shown[lab.tiles[1].map]), expected)
    assert np.asarray(expected).max() > 0


def test_other_noise_counts_the_seed_up(lab, codec, uploaded_photo):
    run(lab, uploaded_photo, "one\ntwo", noise="other")
    assert [call["seed"] for call in codec.calls] == [3, 4, 5]


def test_an_empty_seed_is_the_default(lab, codec, uploaded_photo):
    run(lab, uploaded_photo, "", seed=None)
    assert [call["seed"] for call in codec.calls] == [0]


def test_without_a_captioner_none_is_offered(lab):
    assert lab.automatic.visible is False


def test_the_automatic_caption_is_called_so(session, uploaded_photo):
    lab = CaptionLab(CaptioningPipeline(), session)
    assert lab.automatic.visible is True
    shown = merged(run(lab, uploaded_photo, "an old castle", automatic=True))
    assert "“a grey wall” <small>automatic</small>" in shown[lab.tiles[2].text]
    assert "<small>" not in shown[lab.tiles[1].text]


def test_the_work_is_foreseen(lab):
    assert "<b>3 pictures</b> to decode, 30 steps" in lab.foresee("low", "one\ntwo", False, 10, 1.0)
    assert "<b>2 pictures</b>" in lab.foresee("low", "", True, 10, 1.0)


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ("\n".join("abcdefgh"[: MAX_CAPTIONS + 1]), "8 captions are too many"),
        ("é" * MAX_CAPTION_BYTES, f"at most {MAX_CAPTION_BYTES} bytes"),
    ],
)
def test_captions_that_cannot_be(lab, uploaded_photo, captions, message):
    with pytest.raises(gr.Error, match=message):
        lab.prepare(uploaded_photo, captions)


def test_the_first_strength_is_between_the_models_own_and_pure_noise(codec, session, monkeypatch):
    monkeypatch.setattr(codec, "default_strength", lambda preset: 0.34)
    assert CaptionLab(codec, session).sampling.strength.value == 0.67
    monkeypatch.setattr(codec, "default_strength", lambda preset: 1.0)
    assert CaptionLab(codec, session).sampling.strength.value == 1.0


def test_a_new_run_starts_empty(lab, uploaded_photo):
    updates = lab.prepare(uploaded_photo, "an old castle")
    for tile in lab.tiles:
        assert updates[tile.column].visible is False
        assert updates[tile.picture] is None
    assert Path(updates[lab.original]).is_file()
    assert updates[lab.run_button].visible is False
