"""Pages around the fake codec."""

import io

import gradio as gr
import pytest
from PIL import Image

from percov2_demo.ui.server.files import save_download
from percov2_demo.ui.session.page_state import Session
from tests.ui.fakes import FakePipeline


@pytest.fixture
def fake() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def uploaded_photo() -> dict[str, str]:
    """A photo as gradio hands it to a handler without preprocessing: 300x200, saved as JPEG."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((300, 200)).convert("RGB").save(buffer, "JPEG")
    return {"path": save_download(buffer.getvalue(), "upload.jpg"), "orig_name": "My holiday (1).jpg"}


@pytest.fixture
def saved_picture() -> str:
    """Path of a grey picture of 512x512, in gradio's cache."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((512, 512)).convert("RGB").save(buffer, "PNG")
    return save_download(buffer.getvalue(), "picture.png")


@pytest.fixture
def blocks():
    """A context to create tabs in."""
    with gr.Blocks(analytics_enabled=False) as demo:
        yield demo


@pytest.fixture
def session(blocks) -> Session:
    return Session.create(blocks)
