"""Commands over many files: a bad one is named, and the others are done."""

import csv
import json
import os
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


ANY_BYTES = b"caf\xe9.png"
"""A name that is no UTF-8."""


@pytest.fixture
def photos(tmp_path) -> Path:
    """Two good pictures, one of whose names is no UTF-8, a bad one, a folder and a file that only look like some."""
    folder = tmp_path / "photos"
    folder.mkdir()
    try:
        draw_scene(64, 64).save(folder / os.fsdecode(ANY_BYTES))
    except OSError:
        pytest.skip("names are UTF-8 here")
    draw_scene(128, 64).save(folder / "=1+1.png")
    (folder / "bad.png").write_bytes((folder / "=1+1.png").read_bytes()[:200])
    (folder / "._mac.jpg").write_bytes(b"\0\5\x16\7")
    (folder / "x.png").mkdir()
    return folder


def test_captions_go_on_after_a_bad_picture(model, photos, capsys):
    names = [photos / "=1+1.png", photos / "bad.png", photos / "missing.png", photos / os.fsdecode(ANY_BYTES)]
    assert main(["caption", *map(str, names), "--model", model]) == 1
    output = capsys.readouterr()
    pipeline = tiny_pipeline()
    assert output.out.split("\n") == [pipeline.caption(names[0]), "", "", pipeline.caption(names[3]), ""]
    first, second = output.err.splitlines()
    assert first.startswith(f"{names[1]}: The picture")
    assert second.startswith(f"{names[2]}: The picture file cannot be opened")


def test_captions_of_a_folder_name_the_bad_ones(model, photos, capsys):
    out = photos.parent / "captions.jsonl"
    assert main(["caption", str(photos), "-o", str(out), "--model", model]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out) == {"captions": 2, "unreadable": 1, "unreadable_files": ["bad.png"]}
    assert "bad.png: The picture" in output.err
    files = [json.loads(line)["file"] for line in out.read_text("utf-8").splitlines()]
    assert files == ["=1+1.png", os.fsdecode(ANY_BYTES)]


def test_captions_that_people_have_mended_stay(model, photos, capsys):
    out = photos.parent / "captions.jsonl"
    record = json.dumps({"file": "=1+1.png", "caption": "by hand"})
    for text in (record.encode(), b"\xef\xbb\xbf\r\n" + record.encode() + b"\r\n\r\n", record.encode("utf-16")):
        out.write_bytes(text)
        assert main(["caption", str(photos), "-o", str(out), "--model", model]) == 1
        assert json.loads(out.read_text("utf-8").splitlines()[0]) == {"file": "=1+1.png", "caption": "by hand"}
    capsys.readouterr()


def test_what_somebody_else_left_beside_stays(model, photos, capsys):
    out = photos.parent / "captions.jsonl"
    theirs = photos.parent / "captions.jsonl.mine.partial"
    theirs.write_text("notes")
    assert main(["caption", str(photos), "-o", str(out), "--model", model]) == 1
    assert theirs.read_text() == "notes"
    assert sorted(path.name for path in photos.parent.iterdir()) == ["captions.jsonl", theirs.name, "photos"]
    capsys.readouterr()


def test_an_evaluation_goes_on_after_a_bad_picture(model, photos, capsys):
    out = photos.parent / "out"
    options = ["--presets", "ultra-low", "--steps", "1", "--strength", "0", "--baselines", "none", "--model", model]
    assert main(["evaluate", str(photos), "--out", str(out), *options, "--captions", "auto"]) == 1
    output = capsys.readouterr()
    summary = json.loads(output.out)
    assert summary["settings"]["pictures"] == 2
    assert list(summary["unreadable"]) == ["bad.png"]
    assert "bad.png: The picture" in output.err
    assert "bad.png" in (out / "report.html").read_text("utf-8")
    with (out / "images.csv").open(newline="", encoding="utf-8") as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["'=1+1", "caf\\udce9"]
    assert not (out / "unfinished").exists()


def test_an_evaluation_of_no_good_picture_is_a_failure(model, photos, capsys):
    for name in ("=1+1.png", os.fsdecode(ANY_BYTES)):
        (photos / name).unlink()
    arguments = ["--out", str(photos.parent / "out"), "--baselines", "none", "--model", model]
    assert main(["evaluate", str(photos), *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: none of the pictures can be read")


def test_captions_that_cannot_be_sent_are_named_before_a_model_is_loaded(photos, capsys):
    captions = photos.parent / "captions.jsonl"
    names = ["bad.png", "=1+1.png", os.fsdecode(ANY_BYTES)]
    lines = [json.dumps({"file": name, "caption": "a" * (2000 if name == "=1+1.png" else 1)}) for name in names]
    captions.write_text("\n".join(lines))
    arguments = ["--out", str(photos.parent / "out"), "--captions", str(captions), "--model", "no-such-model"]
    assert main(["evaluate", str(photos), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "captions.jsonl cannot be used for =1+1.png" in line
    assert "the caption takes 2000 bytes" in line
