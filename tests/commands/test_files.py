"""Inputs are never written over, pipes are read once, and paths are looked at before a model is loaded."""

import json
import os
import threading
from pathlib import Path

import pytest

from percov2_demo.__main__ import main
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("model")
    tiny_pipeline().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def photo(tmp_path) -> Path:
    draw_scene(128, 64).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def stream(tmp_path, photo) -> Path:
    path = tmp_path / "photo.pcv2"
    path.write_bytes(tiny_pipeline().compress(draw_scene(128, 64), "ultra-low", "a house").to_bytes())
    return path


@pytest.fixture
def no_model(monkeypatch):
    """Fails a test whose command would load a model."""

    def load(options):
        raise AssertionError("a model is loaded")

    for name in ("compress", "decompress", "caption", "evaluate"):
        monkeypatch.setattr(f"percov2_demo.commands.{name}.load_model", load)


def refusal(capsys, *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def other_names(path: Path) -> list[Path]:
    """The file itself, and by links of both kinds and a detour."""
    (path.parent / "linked").symlink_to(path.name)
    os.link(path, path.parent / "second")
    (path.parent / "folder").mkdir()
    return [path, path.parent / "linked", path.parent / "second", path.parent / "folder" / ".." / path.name]


def test_an_output_that_is_the_input_is_refused(no_model, photo, stream, capsys):
    for command, source in (("compress", photo), ("decompress", stream)):
        before = source.read_bytes()
        folder = source.parent / command
        folder.mkdir()
        source = source.rename(folder / source.name)
        for path in other_names(source):
            assert refusal(capsys, command, source, "-o", path).endswith(
                "is the input itself, which would be lost: name another file"
            )
            assert source.read_bytes() == before


def test_captions_never_take_the_place_of_a_picture(no_model, photo, capsys):
    for path in other_names(photo):
        for source in (photo, photo.parent):
            assert "is the input itself" in refusal(capsys, "caption", source, "-o", path)


@pytest.mark.parametrize("out", [".", "results", "..", "link"])
def test_results_never_get_among_the_pictures(no_model, photo, capsys, monkeypatch, out):
    (photo.parent / "link").symlink_to(".")
    monkeypatch.chdir(photo.parent)
    assert "would get among the inputs" in refusal(capsys, "evaluate", ".", "--out", out)
    assert sorted(path.name for path in photo.parent.iterdir()) == ["link", "photo.png"]


def test_a_full_disk_leaves_the_old_picture(model, photo, stream, capsys, monkeypatch):
    out = photo.parent / "out.png"
    out.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    arguments = ["decompress", stream, "-o", out, "--steps", "1", "--strength", "0", "--model", model]
    assert refusal(capsys, *arguments) == f"error: No space left on device: {out}"
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in photo.parent.iterdir()) == ["out.png", "photo.pcv2", "photo.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        "compress nope.jpg -o x.pcv2",
        "compress photo.pcv2 -o x.pcv2",
        "compress photo.png -o none/x.pcv2",
        "decompress nope.pcv2 -o x.png",
        "decompress photo.png -o x.png",
        "caption nope.jpg",
        "caption photo.pcv2",
        "caption nope.jpg photo.pcv2",
        "caption nope.jpg -o x.jsonl",
        "evaluate nope --out x",
        "evaluate . --out ../x --captions nope.jsonl",
        "evaluate . --out ../x --captions empty.jsonl",
        "evaluate . --out ../x --baselines mpeg",
    ],
)
def test_paths_are_looked_at_before_a_model_is_loaded(no_model, photo, stream, capsys, monkeypatch, arguments):
    monkeypatch.chdir(photo.parent)
    Path("empty.jsonl").write_bytes(b"")
    assert main(arguments.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are Unix's")
def test_pipes_are_read_once(model, photo, stream, capsys):
    pipe = photo.parent / "pipe"
    os.mkfifo(pipe)

    def piped(source: Path, *arguments: object) -> dict:
        writer = threading.Thread(target=pipe.write_bytes, args=[source.read_bytes()])
        writer.start()
        assert main([*map(str, arguments), "--model", model]) == 0
        writer.join(10)
        return json.loads(capsys.readouterr().out)

    assert piped(stream, "info", pipe)["caption"] == "a house"
    compressed = piped(photo, "compress", pipe, "-o", photo.parent / "new.pcv2")
    assert compressed["original"]["bytes"] == photo.stat().st_size
    out = photo.parent / "back.png"
    assert piped(stream, "decompress", pipe, "-o", out, "--steps", "1", "--strength", "0")["width"] == 768
    assert out.stat().st_size


def test_a_caption_of_bytes_that_are_no_text_is_refused_as_such(model, photo, capsys):
    caption = b"caf\xe9".decode("utf-8", "surrogateescape")
    line = refusal(capsys, "compress", photo, "-o", photo.parent / "x.pcv2", "--caption", caption, "--model", model)
    assert line == "error: the caption is no Unicode text: write it in UTF-8"
