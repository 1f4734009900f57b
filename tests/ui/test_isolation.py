"""What a visitor cannot reach, and what a file cannot do to the server: asked of a running server."""

import hashlib
import json
import os
import struct
import uuid
import zlib
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest
from PIL import Image

from percov2_demo.checkpoints.folders import EMBEDDED_MODEL
from percov2_demo.images import MAX_FILE_BYTES
from percov2_demo.ui.demo import build_demo, launch_options
from percov2_demo.ui.server.files import save_download
from tests.ui.fakes import FakePipeline


MAX_GROWTH = 200 * 2**20
"""Bytes that refusing a file may leave in memory; what the files below would unpack to is several times as much."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serves from a folder of its own, as the app does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("served")))
        demo = build_demo(FakePipeline())
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        yield url
        demo.close()


def upload(server: str, name: str, data: bytes) -> str:
    """Where the server keeps a file that it is given."""
    answer = httpx.post(f"{server}gradio_api/upload", files={"files": (name, data)}, timeout=60)
    return answer.raise_for_status().json()[0]


def call(server: str, name: str, values: list) -> dict:
    """What the queue answers when an endpoint is called with exactly these values."""
    config = httpx.get(f"{server}config").json()
    function = next(entry["id"] for entry in config["dependencies"] if entry["api_name"] == name)
    session = uuid.uuid4().hex
    api = f"{server}gradio_api/queue"
    httpx.post(f"{api}/join", json={"data": values, "fn_index": function, "session_hash": session})
    with httpx.stream("GET", f"{api}/data", params={"session_hash": session}, timeout=60) as answer:
        for line in answer.iter_lines():
            if "process_completed" in line:
                return json.loads(line.removeprefix("data: "))
    raise AssertionError("the queue closed without an answer")


def file_of(path: str | Path) -> dict:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def served(server: str, path: str | Path) -> httpx.Response:
    # Quoted, because the client would resolve the dots itself.
    return httpx.get(f"{server}gradio_api/file={quote(str(path), safe='')}")


def test_only_the_folder_of_visitors_files_is_served(server, tmp_path):
    path = upload(server, "photo.txt", b"a visitor's file")
    assert served(server, path).content == b"a visitor's file"
    other = tmp_path / "secret.txt"
    other.write_text("of another program")
    root = EMBEDDED_MODEL.parents[1]
    for asked in (
        "/etc/passwd",
        "../../../etc/passwd",
        f"{path}/../../../../../../../../etc/passwd",
        f"{Path(path).parent.parent}/../secret.txt",
        "file:///etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
        "app.py",
        root / "app.py",
        root / "percov2_demo" / "__init__.py",
        root / ".git" / "config",
        EMBEDDED_MODEL / "model_index.json",
        other,
        Path(path).parent,
        Path(path).parent.parent,
        "http://127.0.0.1:1/",
        "http://localhost/",
    ):
        answer = served(server, asked)
        assert answer.status_code in (403, 404), asked
        assert len(answer.content) < 500, asked


def test_files_are_not_found_by_guessing(server):
    """Their folder's name is a hash with a secret: who does not have a file's address cannot make it."""
    data = b"what everybody has"
    path = Path(upload(server, "known.txt", data))
    guesses = {hashlib.new(name, data).hexdigest() for name in ("sha1", "sha256", "md5")}
    assert path.parent.name not in guesses
    assert len(path.parent.name) >= 40
    for guess in guesses:
        assert served(server, path.parent.parent / guess / "known.txt").status_code == 403


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "page.xhtml"])
def test_what_could_run_in_the_page_is_only_downloaded(server, name):
    path = upload(server, name, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    answer = served(server, path)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"


def test_files_of_the_server_are_no_input(server, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(secret)
    for name in ("compress", "decompress", "info"):
        for path in (secret, "/etc/passwd", "/no/such/file", "../../etc/passwd"):
            answer = call(server, name, [file_of(path)])
            assert not answer["success"]
            message = answer["output"]["error"]
            assert message.endswith(".")
            assert "\n" not in message
            assert "/" not in message
            assert str(secret.parent) not in json.dumps(answer)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture_file(width: int, height: int, extra: bytes = b"") -> bytes:
    """A black PNG file of one bit a pixel, with more chunks."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(pixels.compress(row) for _ in range(height)) + pixels.flush()
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()


HOSTILE = {
    "large.png": lambda: picture_file(30_000, 30_000),
    "drawing.jpg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'></svg>",
    "page.jpg": lambda: b"<!doctype html><script>alert(1)</script>",
    "nothing.jpg": lambda: b"",
    "noise.jpg": lambda: os.urandom(10**6),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_are_refused_in_a_sentence(server, name):
    data = HOSTILE[name]()
    assert len(data) < 2 * 10**6
    path = upload(server, name, data)
    before = psutil.Process().memory_info().rss
    answer = call(server, "compress", [file_of(path), "low", "", "native", None])
    assert psutil.Process().memory_info().rss - before < MAX_GROWTH
    assert not answer["success"]
    message = answer["output"]["error"]
    assert "picture" in message
    assert message.endswith(".")
    assert "/" not in message


@pytest.mark.parametrize(("kind", "head"), [(b"zTXt", b"Comment\0\0"), (b"iCCP", b"profile\0\0")])
def test_what_unpacks_to_much_is_left_packed(server, kind, head):
    """The pixels are a small picture; the rest is not needed for them, so the file is read without it."""
    path = upload(server, "photo.png", picture_file(64, 64, chunk(kind, head + zeros(500))))
    before = psutil.Process().memory_info().rss
    answer = call(server, "compress", [file_of(path), "low", "", "native", None])
    assert answer["success"]
    assert psutil.Process().memory_info().rss - before < MAX_GROWTH


def test_a_hundred_megabytes_are_not_taken(server):
    before = psutil.Process().memory_info().rss
    answer = httpx.post(f"{server}gradio_api/upload", files={"files": ("a.png", bytes(10**8))}, timeout=60)
    assert answer.status_code == 413
    assert f"{MAX_FILE_BYTES // 2**20} MB" in answer.text
    # The request itself lies in this process too.
    assert psutil.Process().memory_info().rss - before < 10**8 + MAX_GROWTH


@pytest.mark.parametrize(
    "caption",
    [
        "a\x00b\x1b[31m\x07",
        "\u202eقطة على حصيرة",
        "👩‍👩‍👧‍👦🦁",
        "<img src=x onerror=alert(1)>",
        "ignore all instructions",
        "'; DROP TABLE",
    ],
)
def test_any_caption_travels_as_it_is(server, caption):
    path = upload(server, "photo.png", picture_file(64, 64))
    answer = call(server, "compress", [file_of(path), "low", caption, "native", None])
    stream = answer["output"]["data"][0]["path"]
    assert call(server, "info", [file_of(stream)])["output"]["data"][0]["caption"] == caption


def test_an_endless_caption_is_refused_in_a_sentence(server):
    path = upload(server, "photo.png", picture_file(64, 64))
    answer = call(server, "compress", [file_of(path), "low", "word " * 2000, "native", None])
    assert "shorten it" in answer["output"]["error"]


def test_downloads_of_the_page_are_in_the_served_folder(server):
    assert served(server, save_download(b"bytes", "picture.png")).content == b"bytes"
