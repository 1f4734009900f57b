"""The endpoints as programs see them, on a running server."""

import json
import logging
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.ui.demo import build_demo, launch_options
from percov2_demo.ui.errors import GENERIC_SENTENCE
from tests.ui.fakes import FakePipeline


@pytest.fixture(scope="module")
def fake():
    return FakePipeline()


@pytest.fixture(scope="module")
def server(fake):
    demo = build_demo(fake)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url
    demo.close()


@pytest.fixture(scope="module")
def client(server):
    return Client(server, verbose=False)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "wall.png"
    Image.linear_gradient("L").convert("RGB").save(path)
    return handle_file(path)


def test_round_trip(client, photo):
    written, rates = client.predict(photo, preset="low", caption="a grey wall", api_name="/compress")
    data = Path(written).read_bytes()
    assert Path(written).name == "wall-low.pcv2"
    assert Bitstream.from_bytes(data).caption == "a grey wall"
    assert rates["bytes"]["total"] == len(data)

    picture, fields = client.predict(handle_file(written), steps=2, api_name="/decompress")
    assert Image.open(picture).format == "PNG"
    assert Image.open(picture).size == (fields["width"], fields["height"]) == (512, 512)
    assert fields["preset"] == "low"


def test_no_strength_is_the_models_default(client, fake, photo):
    written, _ = client.predict(photo, api_name="/compress")
    client.predict(handle_file(written), api_name="/decompress")
    assert fake.calls[-1]["strength"] is None


def test_errors_are_sentences(client, tmp_path):
    path = tmp_path / "junk.png"
    path.write_bytes(b"junk")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(handle_file(path), api_name="/compress")
    path = path.rename(tmp_path / "junk.pcv2")
    path.write_bytes(b"bad")
    with pytest.raises(AppError, match="cut short"):
        client.predict(handle_file(path), api_name="/decompress")


def test_failures_of_the_codec_say_nothing_of_themselves(client, fake, photo, caplog, monkeypatch):
    written, _ = client.predict(photo, api_name="/compress")
    monkeypatch.setattr(fake, "failure", RuntimeError("out of memory in /opt/model"))
    with caplog.at_level(logging.ERROR), pytest.raises(AppError) as caught:
        client.predict(handle_file(written), api_name="/decompress")
    assert str(caught.value) == GENERIC_SENTENCE
    assert "/opt/model" in caplog.text


def outcome_of(server: str, function: int, data: list) -> dict:
    """What the queue answers to a request that no page would send."""
    api = f"{server}gradio_api/queue"
    httpx.post(f"{api}/join", json={"data": data, "fn_index": function, "session_hash": "crafted"})
    with httpx.stream("GET", f"{api}/data", params={"session_hash": "crafted"}, timeout=20) as answer:
        for line in answer.iter_lines():
            if "process_completed" in line:
                return json.loads(line.removeprefix("data: "))
    raise AssertionError("the queue closed without an answer")


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_files_of_the_server_cannot_be_asked_for(server, tmp_path, meta):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(secret)
    config = httpx.get(f"{server}config").json()
    prepare = next(entry["id"] for entry in config["dependencies"] if entry["api_name"] == "prepare")
    outcome = outcome_of(server, prepare, [{"path": str(secret), **meta}, "native"])
    assert outcome["success"] is False
    assert str(secret) not in json.dumps(outcome)
