"""A folder that a cleaning service removes under a running server."""

import shutil
import stat
from pathlib import Path

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from percov2_demo.ui.demo import launch_options
from percov2_demo.ui.server.cleaning import visitors_folder
from percov2_demo.ui.server.files import file_url, save_download
from percov2_demo.ui.server.folder import own_folder


@pytest.fixture
def around(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "around"))
    return tmp_path / "around"


def served(demo: gr.Blocks) -> TestClient:
    return TestClient(gr.routes.App.create_app(demo, app_kwargs=launch_options()["app_kwargs"]))


def test_a_folder_that_was_removed_comes_back_private_with_the_pages_own_files(around):
    with visitors_folder():
        with gr.Blocks(analytics_enabled=False) as demo:
            picture = gr.Image()
        example = save_download(b"an example", "example.png")
        picture.keep_in_cache.add(example)
        with served(demo) as client:
            assert client.get(file_url(example)).content == b"an example"
            shutil.rmtree(around)
            assert client.get(file_url(example)).content == b"an example"
            assert stat.S_IMODE(own_folder().stat().st_mode) == 0o700
            files = {"files": ("photo.png", b"a photo")}
            demo.max_file_size = None
            (path,) = client.post("gradio_api/upload", files=files).json()
            assert Path(path).is_relative_to(own_folder())


def test_a_folder_that_somebody_else_made_meanwhile_is_not_used(around, monkeypatch):
    with visitors_folder():
        with gr.Blocks(analytics_enabled=False) as demo:
            pass
        with served(demo) as client:
            client.get("config")
            folder = own_folder()
            shutil.rmtree(folder)
            mkdir = Path.mkdir

            def faster(path: Path, *arguments: object, **options: object) -> None:
                if path == folder:
                    mkdir(path, mode=0o777)
                    path.chmod(0o777)
                mkdir(path, *arguments, **options)

            monkeypatch.setattr(Path, "mkdir", faster)
            with pytest.raises(PermissionError, match="somebody else"):
                client.get("config")


def test_gradios_own_folder_is_not_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert own_folder() is None
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    assert own_folder() is None
