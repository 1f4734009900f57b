"""Files that are there as a whole or not at all."""

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from percov2_demo.files.atomic import atomic_path, write_bytes, write_text


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_takes_the_place_of_another(tmp_path):
    path = tmp_path / "a.bin"
    for data in (b"first", b"second"):
        write_bytes(path, data)
        assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a.bin"]


def test_an_error_leaves_what_was_there(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    with pytest.raises(KeyError), atomic_path(tmp_path / "a.bin") as path:
        path.write_bytes(b"half")
        raise KeyError
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of files are Unix's")
def test_a_full_disk_leaves_what_was_there_and_is_said_of_the_file(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"old")
    code = """
import resource, signal
from percov2_demo.files.atomic import write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes("a.bin", bytes(5000))
except OSError as error:
    print(error.errno, error.filename)
"""
    root = str(Path(__file__).parents[2])
    completed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout.split() == [str(errno.EFBIG), "a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.skipif(os.name == "nt", reason="permissions are Unix's")
def test_permissions_are_kept_or_the_users_own(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "new", b"")
        (tmp_path / "old").write_bytes(b"")
        (tmp_path / "old").chmod(0o604)
        write_bytes(tmp_path / "old", b"new")
    finally:
        os.umask(before)
    assert permissions(tmp_path / "new") == 0o640
    assert permissions(tmp_path / "old") == 0o604


def test_a_file_that_may_not_be_written_stays(tmp_path, monkeypatch):
    (tmp_path / "a.bin").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # Root may write everything.
    with pytest.raises(PermissionError) as caught:
        write_bytes(tmp_path / "a.bin", b"new")
    assert caught.value.filename == str(tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_a_link_stays_one(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_another_name_of_the_same_file_keeps_the_old_one(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    os.link(tmp_path / "a", tmp_path / "b")
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "b").read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are Unix's")
def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_bytes(tmp_path / "pipe", b"data")
    reader.join(10)
    assert got == [b"data"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_name_as_long_as_can_be_is_written(tmp_path):
    write_bytes(tmp_path / ("a" * 255), b"data")
    assert os.listdir(tmp_path) == ["a" * 255]


def test_a_folder_that_is_not_there_is_said_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_bytes(tmp_path / "none" / "a", b"")
    assert caught.value.filename == str(tmp_path / "none" / "a")


def test_json_gives_a_name_of_any_bytes_back(tmp_path):
    name = b"caf\xe9 \xc3\xa9".decode("utf-8", "surrogateescape")
    write_text(tmp_path / "a.json", json.dumps({"file": name}, ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"file": name}
