"""Files of any size, and of the size that a quality takes."""

import json

import pytest
from PIL import Image

from percov2_demo.errors import InputError
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.pipelines.target import MEASURED, AnyRate
from percov2_demo.presets import PRESETS
from tests.scene import draw_scene
from tools.measure_refinement import thresholds


@pytest.fixture(scope="module")
def picture(pipeline) -> AnyRate:
    return AnyRate(pipeline, draw_scene().resize((192, 128)), "an old castle")


@pytest.mark.parametrize("budget", [101, 250, 400])
@pytest.mark.usefixtures("refinement_helps")
def test_files_come_close_to_their_size_from_below(picture, budget):
    stream = picture.at_most(budget)
    size = len(stream.to_bytes())
    assert 0.97 * budget - 3 < size <= budget


def test_bytes_that_bring_no_gain_are_not_spent(pipeline, picture):
    base = picture.base("low")
    refined, atoms = picture.plan(len(base.to_bytes()) + 100, "low")
    assert (refined, atoms > 0) == (base, True)
    stream, painted = picture.code(len(base.to_bytes()) + 100, "low")
    assert stream == base
    assert painted.tobytes() == pipeline.decompress(base).tobytes()


@pytest.mark.usefixtures("refinement_helps")
def test_the_sender_shows_what_the_receiver_sees(pipeline, picture):
    stream, painted = picture.code(200)
    assert stream.refinement is not None
    assert painted.tobytes() == pipeline.decompress(pipeline.read(stream.to_bytes())).tobytes()
    assert stream == picture.at_most(200)


def test_the_smallest_file_is_the_base(picture):
    size = len(picture.base("ultra-low").to_bytes())
    assert picture.at_most(size) == picture.base("ultra-low")
    with pytest.raises(InputError, match=f"takes {size} bytes"):
        picture.at_most(size - 1)


def test_the_preset_is_that_which_measured_best(pipeline):
    bpp = json.loads(MEASURED.read_text("utf-8"))["bpp"]
    assert set(bpp) <= set(PRESETS)
    assert bpp["ultra-low"] == 0
    scene = AnyRate(pipeline, draw_scene())
    for preset, rate in bpp.items():
        base, _ = scene.plan(max(int(rate * 512 * 512 / 8), len(scene.base(preset).to_bytes())) + 1)
        assert base.preset == preset


def test_another_preset_can_be_asked_for(picture):
    assert picture.at_most(300, "low").preset == "low"


def test_a_quality_takes_the_smallest_file_that_reaches_it(pipeline, picture, monkeypatch):
    """A random painter brings no picture nearer: a pretended one, whose PSNR grows with the bytes."""
    monkeypatch.setattr(picture, "_measure", lambda size: (size, 10 + size / 50))
    assert picture.max_bytes > 400
    assert 300 <= picture.to_reach(16) <= 306
    assert picture.to_reach(0) == len(picture.base("ultra-low").to_bytes())
    with pytest.raises(InputError, match="ask for no more"):
        picture.to_reach(1000)


def test_measured_quality_is_that_of_the_decoded_picture(pipeline, picture):
    stream, decibels = picture._measure(150)
    assert decibels == pytest.approx(psnr(to_tensor(picture.image), to_tensor(pipeline.decompress(stream))))


def test_thresholds_are_where_a_preset_is_the_best_of_those_below():
    curves = {
        "ultra-low": {100: 17.0, 300: 18.0, 800: 20.0, 2000: 22.0},
        "low": {300: 17.5, 800: 20.5, 2000: 23.0},
        "extreme-low": {800: 20.1, 2000: 23.5},
    }
    assert thresholds(curves) == {"ultra-low": 0, "low": 800, "extreme-low": 2000}
    curves["low"] = dict.fromkeys((300, 800, 2000), 1.0)
    assert thresholds(curves) == {"ultra-low": 0, "extreme-low": 0}


def test_pictures_come_from_files_too(pipeline, tmp_path):
    path = tmp_path / "scene.png"
    Image.new("RGB", (128, 64), "teal").save(path)
    assert AnyRate(pipeline, path).image.size == (768, 384)
