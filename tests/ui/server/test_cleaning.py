"""What is deleted, and when."""

import asyncio
import os
import tempfile
from pathlib import Path

import gradio as gr
import pytest

from percov2_demo.ui.server import cleaning
from percov2_demo.ui.server.cleaning import delete_old, visitors_folder
from percov2_demo.ui.server.files import save_download


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """An empty folder in the place of the machine's temporary one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    return tmp_path


def test_files_live_in_a_folder_of_their_own_that_goes(temporary):
    with visitors_folder():
        path = Path(save_download(b"a picture", "picture.png"))
        (folder,) = temporary.iterdir()
        assert path.is_relative_to(folder)
        assert folder.stat().st_mode & 0o077 == 0
    assert not list(temporary.iterdir())
    assert "GRADIO_TEMP_DIR" not in os.environ


def test_a_folder_that_was_chosen_keeps_what_others_have_in_it(temporary, monkeypatch):
    chosen = temporary / "chosen"
    (chosen / "thesis").mkdir(parents=True)
    (chosen / "thesis" / "final.txt").write_text("not ours")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(chosen))
    monkeypatch.setattr(cleaning, "CLEANING_SECONDS", 0.01)
    monkeypatch.setattr(cleaning, "FILE_LIFETIME_SECONDS", 0)
    monkeypatch.setattr(cleaning, "UNFINISHED_SECONDS", 0)

    async def serve(demo: gr.Blocks) -> None:
        async with cleaning.cleaning(gr.routes.App.create_app(demo)):
            await asyncio.sleep(0.5)

    with visitors_folder():
        path = Path(save_download(b"a picture", "picture.png"))
        assert path.is_relative_to(chosen)
        with gr.Blocks(analytics_enabled=False) as demo:
            pass
        asyncio.run(serve(demo))
        assert not path.exists()
    assert [file.relative_to(chosen).as_posix() for file in chosen.rglob("*")] == ["thesis", "thesis/final.txt"]
    assert os.environ["GRADIO_TEMP_DIR"] == str(chosen)


def test_what_a_killed_server_left_goes_once_it_is_old(temporary, monkeypatch):
    left = temporary / "percov2-explorer-killed"
    (left / "hash").mkdir(parents=True)
    (left / "hash" / "photo.jpg").write_bytes(b"a photo")
    strangers = temporary / "hash" / "file.txt"
    strangers.parent.mkdir()
    strangers.write_text("not ours")
    (temporary / "percov2-explorer-link").symlink_to(strangers.parent.parent)
    with visitors_folder():
        assert (left / "hash" / "photo.jpg").is_file()
    monkeypatch.setattr(cleaning, "FILE_LIFETIME_SECONDS", 0)
    with visitors_folder():
        assert not left.exists()
    assert strangers.is_file()


def test_young_files_and_unfinished_uploads_stay(tmp_path):
    for name in ("hash/photo.jpg", "upload"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"bytes")
    delete_old(tmp_path / "folder", 60)
    assert len(list((tmp_path / "folder").rglob("*"))) == 3
    delete_old(tmp_path / "folder", 0)
    assert not (tmp_path / "folder").exists()
    delete_old(tmp_path / "folder", 0)


def test_uploads_that_were_broken_off_go_soon(tmp_path, monkeypatch):
    """Otherwise the first file that a full disk has no room for would leave none for all others."""
    (tmp_path / "hash").mkdir()
    (tmp_path / "hash" / "photo.jpg").write_bytes(b"bytes")
    (tmp_path / "upload").write_bytes(b"bytes")
    monkeypatch.setattr(cleaning, "UNFINISHED_SECONDS", 0)
    delete_old(tmp_path, 60)
    assert [path.name for path in tmp_path.iterdir()] == ["hash"]


@pytest.mark.parametrize("kept", [True, False])
def test_the_pages_own_files_are_never_old(temporary, monkeypatch, kept):
    monkeypatch.setattr(cleaning, "CLEANING_SECONDS", 0.01)
    monkeypatch.setattr(cleaning, "FILE_LIFETIME_SECONDS", 0.5)

    async def serve(demo: gr.Blocks) -> None:
        app = gr.routes.App.create_app(demo)
        async with cleaning.cleaning(app):
            await asyncio.sleep(1.5)

    with visitors_folder():
        with gr.Blocks(analytics_enabled=False) as demo:
            picture = gr.Image()
        path = Path(save_download(b"an example", "example.png"))
        if kept:
            picture.keep_in_cache.add(str(path))
        asyncio.run(serve(demo))
        assert path.is_file() == kept


def test_the_folder_of_all_gradio_apps_is_left_alone(temporary, monkeypatch):
    monkeypatch.setattr(cleaning, "CLEANING_SECONDS", 0)
    monkeypatch.setattr(cleaning, "FILE_LIFETIME_SECONDS", 0)

    async def serve() -> None:
        with gr.Blocks(analytics_enabled=False) as demo:
            pass
        async with cleaning.cleaning(gr.routes.App.create_app(demo)):
            await asyncio.sleep(0.2)

    path = Path(save_download(b"a picture", "picture.png"))
    asyncio.run(serve())
    assert path.is_file()
