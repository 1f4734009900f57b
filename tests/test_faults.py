"""Kills, full disks, broken weights, no network: one clear sentence, nothing lost, and the next start works."""

import errno
import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from safetensors.torch import load_file, save_file

from percov2_demo.__main__ import main
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene
from tools.soak.server import Server, started


NOT_THESE = "the model's weights do not match its identity"

NO_NETWORK = """
import errno
import socket

resolve, connect = socket.getaddrinfo, socket.socket.connect


def is_local(host):
    return host in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0")


def getaddrinfo(host, *args, **kwargs):
    if not is_local(host):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return resolve(host, *args, **kwargs)


def connected(self, address):
    if self.family != getattr(socket, "AF_UNIX", None) and not is_local(address[0]):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")
    return connect(self, address)


socket.getaddrinfo, socket.socket.connect = getaddrinfo, connected
"""
"""A sitecustomize of a machine without network."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model folder with a sharded transformer."""
    folder = tmp_path_factory.mktemp("faults") / "model"
    tiny_pipeline().save_pretrained(folder, max_shard_size="20KB")
    return folder


@pytest.fixture
def photo(tmp_path) -> Path:
    draw_scene(300, 200).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


def client_of(server: Server, folder: Path) -> Client:
    return Client(server.url, verbose=False, download_files=folder / "downloads")


def round_trip(server: Server, photo: Path) -> None:
    """The server compresses and paints."""
    client = client_of(server, photo.parent)
    stream, _ = client.predict(handle_file(photo), api_name="/compress")
    picture, _ = client.predict(handle_file(stream), steps=1, api_name="/decompress")
    assert Path(picture).read_bytes().startswith(b"\x89PNG")


def begin_painting(server: Server, photo: Path) -> None:
    """Returns while a picture is painted that takes long."""
    client = client_of(server, photo.parent)
    stream, _ = client.predict(handle_file(photo), api_name="/compress")
    job = client.submit(handle_file(stream), steps=100, api_name="/decompress")
    end = time.monotonic() + 60
    while not job.outputs() and time.monotonic() < end:  # An update comes with each step.
        time.sleep(0.02)
    assert not job.done()


@pytest.mark.server
@pytest.mark.parametrize("sent", [pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGINT])
def test_a_killed_server_starts_again_and_stops_at_once_while_it_paints(tmp_path, photo, model, sent):
    """The first has no network and no home, nor the variables that tell the libraries so.

    A folder inside of a file cannot be made by anybody.
    """
    first, second, patch = (tmp_path / name for name in ("first", "second", "patch"))
    for folder in (first, second, patch):
        folder.mkdir()
    (patch / "sitecustomize.py").write_text(NO_NETWORK)
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    home = str(nowhere / "home")
    variables = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME"), home)
    with started(first, "--model", str(model), PYTHONPATH=str(patch), **variables) as server:
        round_trip(server, photo)
        begin_painting(server, photo)
        server.process.kill()
        assert server.process.wait(10) == -signal.SIGKILL
    with started(second) as server:
        begin_painting(server, photo)
        assert server.files()
        assert server.stop(sent) < 5
        assert server.process.returncode == 0
        assert not server.files()
    assert "Traceback" not in (second / "server.log").read_text()


def test_a_port_in_use_is_said(model, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port}" in complaint_of(capsys, "serve", "--model", str(model), "--port", port)


def complaint_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a command fails with."""
    assert main(arguments) == 2
    output = capsys.readouterr()
    assert "Traceback" not in output.out + output.err
    (line,) = output.err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.fixture
def broken(model, tmp_path) -> Path:
    """A copy of the model, to be broken."""
    return Path(shutil.copytree(model, tmp_path / "copy"))


def shards(model: Path, component: str = "transformer") -> list[Path]:
    found = sorted((model / component).glob("*.safetensors"))
    assert len(found) > 1
    return found


def test_a_corrupted_shard_is_said(broken, photo, capsys):
    shards(broken)[0].write_bytes(b"not weights at all")
    assert "is damaged or cut short: fetch the model again" in complaint_of(
        capsys, "caption", str(photo), "--model", str(broken)
    )


def test_a_shard_cut_short_is_said(broken, photo, capsys):
    shard = shards(broken)[0]
    shard.write_bytes(shard.read_bytes()[:-100])
    assert "is damaged or cut short: fetch the model again" in complaint_of(
        capsys, "caption", str(photo), "--model", str(broken)
    )


def test_a_missing_shard_is_said(broken, photo, capsys):
    shards(broken)[0].unlink()
    assert "is missing: fetch the model again" in complaint_of(capsys, "caption", str(photo), "--model", str(broken))


def test_a_shard_of_another_component_is_said(broken, photo, capsys):
    shutil.copy(shards(broken, "vae")[-1], shards(broken)[-1])
    assert "the model's transformer lacks some of its weights" in complaint_of(
        capsys, "caption", str(photo), "--model", str(broken)
    )


def test_a_flipped_bit_is_said(broken, photo, capsys):
    shard = shards(broken)[0]
    data = bytearray(shard.read_bytes())
    data[-2] ^= 0x40
    shard.write_bytes(data)
    assert NOT_THESE in complaint_of(capsys, "caption", str(photo), "--model", str(broken))


def test_weights_of_another_model_are_said(broken, photo, capsys):
    for shard in shards(broken):
        save_file({name: tensor + 1 for name, tensor in load_file(shard).items()}, shard, {"format": "pt"})
    assert NOT_THESE in complaint_of(capsys, "caption", str(photo), "--model", str(broken))


@pytest.mark.server
def test_a_full_disk_is_said_and_outlived(tmp_path, photo, monkeypatch):
    import percov2_demo.ui.api as api
    from percov2_demo.ui.demo import build_demo, launch_options
    from percov2_demo.ui.server.errors import GENERIC_SENTENCE

    real = api.save_download
    full = threading.Event()

    def save(data: bytes, name: str) -> str:
        if full.is_set():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / name))
        return real(data, name)

    monkeypatch.setattr(api, "save_download", save)
    demo = build_demo(tiny_pipeline())
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    try:
        client = Client(url, verbose=False, download_files=tmp_path / "downloads")
        full.set()
        with pytest.raises(AppError) as caught:
            client.predict(handle_file(photo), api_name="/compress")
        assert str(caught.value) != GENERIC_SENTENCE
        assert "disk" in str(caught.value)
        assert str(tmp_path) not in str(caught.value)
        full.clear()
        client.predict(handle_file(photo), api_name="/compress")
    finally:
        demo.close()
