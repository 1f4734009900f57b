"""Vision-language models and pictures for them."""

import pytest
from PIL import Image

from tests.language_models import save_chat_model
from tests.scene import draw_scene


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    save_chat_model(folder)
    return folder


@pytest.fixture(scope="session")
def pictures():
    colours = ["red", "green", "blue", "white", "black", "orange", "navy", "olive"]
    return [draw_scene(300, 200), draw_scene(90, 200), *(Image.new("RGB", (64, 50), colour) for colour in colours)]
