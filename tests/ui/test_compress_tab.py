"""The handlers of the compress tab."""

from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.images import ImageError
from percov2_demo.ui.compress_tab import CompressTab
from percov2_demo.ui.files import save_download


@pytest.fixture
def tab(fake, blocks):
    return CompressTab(fake)


def path_of(button: gr.DownloadButton) -> Path:
    return Path(button.value["path"])


def test_a_photo_is_shown_as_the_codec_sees_it(tab, uploaded_photo):
    updates = tab.prepare(uploaded_photo, "native")
    fitted = updates[tab.fitted]
    assert fitted.stem == "My-holiday-1"
    assert fitted.original_bytes == Path(uploaded_photo["path"]).stat().st_size
    assert Image.open(updates[tab.original]).size == (576, 384)
    assert updates[tab.reconstruction] is None
    assert updates[tab.compress_button].interactive is False
    assert updates[tab.stop_button].visible is True


def test_no_photo(tab):
    with pytest.raises(gr.Error, match="Choose a photo first"):
        tab.prepare(None, "native")


def test_a_damaged_photo(tab):
    photo = {"path": save_download(b"\xff\xd8\xff junk", "broken.jpg")}
    with pytest.raises(ImageError):
        tab.check(photo)
    with pytest.raises(ImageError):
        tab.prepare(photo, "native")


def test_the_file_comes_before_the_picture(tab, fake, uploaded_photo):
    fitted = tab.prepare(uploaded_photo, "squash")[tab.fitted]
    updates = list(tab.run(fitted, "low", "  a grey wall ", 2, 3.0, 0.8, 11))

    written = path_of(updates[0][tab.stream_download])
    stream = Bitstream.from_bytes(written.read_bytes())
    assert written.name == "My-holiday-1-low.pcv2"
    assert (stream.width, stream.height, stream.preset, stream.caption) == (512, 512, "low", "a grey wall")
    assert f"<em>{written.stat().st_size} bytes</em>" in updates[0][tab.headline]

    painted = path_of(updates[-1][tab.picture_download])
    assert painted.name == "My-holiday-1-low.png"
    assert updates[-1][tab.reconstruction] == str(painted)
    assert np.array_equal(Image.open(painted), fake.decompress(stream))
    assert fake.calls[0] == {"steps": 2, "guidance_scale": 3.0, "strength": 0.8, "seed": 11}


def test_a_photo_that_was_smaller_than_the_file_is_not_called_smaller(tab):
    path = save_download(b"", "x")
    Image.new("RGB", (16, 16)).save(path, "PNG")
    fitted = tab.prepare({"path": path}, "native")[tab.fitted]
    headline = next(tab.run(fitted, "extreme-low", "", 1, 3.0, 1.0, 0))[tab.headline]
    assert "times smaller" not in headline


def test_buttons_at_rest(tab):
    updates = tab.rest()
    assert updates[tab.compress_button].interactive is True
    assert updates[tab.stop_button].visible is False


def test_visitors_share_nothing(tab, fake, uploaded_photo):
    """Two runs that alternate, as two visitors' do between the steps, keep their own results."""
    other = {"path": save_download(Path(uploaded_photo["path"]).read_bytes(), "other.jpg")}
    runs = [
        tab.run(tab.prepare(photo, "crop")[tab.fitted], preset, caption, 3, 3.0, 1.0, 0)
        for photo, preset, caption in ((uploaded_photo, "ultra-low", "one"), (other, "low", "two"))
    ]
    first_steps = next(zip(*runs, strict=True))
    captions = [Bitstream.from_bytes(path_of(step[tab.stream_download]).read_bytes()).caption for step in first_steps]
    assert captions == ["one", "two"]
    last_steps = list(zip(*runs, strict=True))[-1]
    assert [path_of(step[tab.picture_download]).name for step in last_steps] == [
        "My-holiday-1-ultra-low.png",
        "other-low.png",
    ]
