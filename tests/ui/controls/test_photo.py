"""A photo to begin with."""

from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.server.files import save_download


@pytest.fixture
def photo_input(blocks):
    return PhotoInput("test-", max_side=640, result_id="test-result")


def test_a_photo_is_fitted_and_keeps_its_name(photo_input, uploaded_photo):
    photo = photo_input.read(uploaded_photo)
    assert photo.stem == "My-holiday-1"
    assert Image.open(photo.path).size == photo.size == (576, 384)
    assert photo.open().mode == "RGB"
    assert photo.original_bytes == Path(uploaded_photo["path"]).stat().st_size
    assert Image.open(photo.path).format == "PNG"


def test_no_photo(photo_input):
    with pytest.raises(gr.Error, match="Choose a photo first"):
        photo_input.read(None)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff junk"])
def test_a_damaged_photo(photo_input, data):
    with pytest.raises(ImageError):
        photo_input.read({"path": save_download(data, "broken.jpg")})


def test_files_of_the_server_cannot_be_named(photo_input):
    with pytest.raises(ImageError, match="did not arrive"):
        photo_input.read({"path": __file__})
