"""The photo of the labs."""

import gradio as gr
import pytest
from PIL import Image

from percov2_demo.images import ImageError
from percov2_demo.ui.files import save_download
from percov2_demo.ui.lab_photo import PhotoInput


@pytest.fixture
def lab_photo(blocks):
    return PhotoInput("test", max_side=640)


def test_a_photo_is_fitted_and_keeps_its_name(lab_photo, uploaded_photo):
    photo = lab_photo.read(uploaded_photo)
    assert photo.stem == "My-holiday-1"
    assert Image.open(photo.path).size == (576, 384)
    assert Image.open(photo.path).format == "PNG"


def test_no_photo(lab_photo):
    with pytest.raises(gr.Error, match="Choose a photo first"):
        lab_photo.read(None)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff junk"])
def test_a_damaged_photo(lab_photo, data):
    with pytest.raises(ImageError):
        lab_photo.read({"path": save_download(data, "broken.jpg")})


def test_files_of_the_server_cannot_be_named(lab_photo):
    with pytest.raises(ImageError, match="did not arrive"):
        lab_photo.read({"path": __file__})
