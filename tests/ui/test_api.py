"""The endpoints as programs see them, on a running server."""

import csv
import json
import logging
import re
import zipfile
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.api import Endpoints
from percov2_demo.ui.demo import build_demo, launch_options
from percov2_demo.ui.server.errors import GENERIC_SENTENCE, MALFORMED_SENTENCE
from tests.perco import tiny_perco
from tests.ui.fakes import FakePipeline
from tests.ui.lab_fakes import LabPipeline


@pytest.fixture(scope="module")
def fake():
    return LabPipeline()


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


@pytest.mark.server
def test_round_trip_of_a_perco(photo):
    perco = tiny_perco(("high",))
    demo = build_demo(perco)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    client = Client(url, verbose=False)
    written, rates = client.predict(photo, preset="high", caption="a grey wall", api_name="/compress")
    assert rates["bytes"]["spatial"] == 4096
    picture, fields = client.predict(handle_file(written), steps=2, seed=3, api_name="/decompress")
    expected = perco.decompress(perco.read(Path(written)), num_inference_steps=2, seed=3)
    assert Image.open(picture).tobytes() == expected.tobytes()
    assert (fields["preset"], fields["version"]) == ("high", 1)
    demo.close()


def test_info_is_what_the_file_says(client, photo):
    written, rates = client.predict(photo, preset="low", caption="a grey wall", api_name="/compress")
    stream = Bitstream.from_file(written)
    info = client.predict(handle_file(written), api_name="/info")
    assert info["indices"] == stream.indices.tolist()
    assert (info["preset"], info["caption"], info["grid"]) == ("low", "a grey wall", [16, 16])
    assert info["bytes"] == rates["bytes"]


def test_sweep_gives_rows_a_table_and_pictures(client, photo):
    settings = {"guidance_scales": [1, 3], "steps": [1, 2], "strengths": [None, 0.5], "seeds": [0, 7]}
    rows, table, archive = client.predict(
        photo, presets=["low"], caption="a grey wall", fast=True, **settings, api_name="/sweep"
    )
    assert len(rows) == 16
    assert {row["strength"] for row in rows} == {0.8, 0.5}
    assert all(row["fast"] and row["caption"] == "a grey wall" and row["psnr"] > 0 for row in rows)
    with Path(table).open(newline="") as file:
        assert [row["picture"] for row in csv.DictReader(file)] == [row["picture"] for row in rows]
    assert Path(archive).name == "wall-sweep.zip"
    with zipfile.ZipFile(archive) as pack:
        assert pack.namelist() == [row["picture"] for row in rows]
        for name in pack.namelist():
            with pack.open(name) as file, Image.open(file) as picture:
                assert (picture.format, picture.size) == ("PNG", (512, 512))


def test_rows_of_a_sweep_come_as_they_are_finished(client, photo):
    job = client.submit(photo, steps=[1, 2], api_name="/sweep")
    job.result()
    assert [len(rows) for rows, *_ in job.outputs()] == [1, 2, 2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": list(range(61))}, "61 pictures are too many"),
        ({"seeds": list(range(13)), "steps": [100]}, "1,300 steps are too many"),
        ({"seeds": [0] * 10**5, "steps": [1] * 10**5}, "10000000000 pictures are too many"),
        ({"steps": []}, "Send steps as a list of whole numbers from 1 to 100."),
        ({"steps": [2.5]}, "Send steps as a list"),
        ({"steps": 3}, "Send steps as a list"),
        ({"guidance_scales": ["much"]}, "Send guidance_scales as a list of numbers from 0 to 15."),
        ({"guidance_scales": [None]}, "Send guidance_scales as a list"),
        ({"guidance_scales": [float("nan")]}, "Send guidance_scales as a list"),
        ({"strengths": [2]}, "Send strengths as a list of numbers from 0 to 1."),
        ({"seeds": [True]}, "Send seeds as a list of whole numbers from 0 to 2147483647."),
        ({"presets": []}, "at least one value"),
    ],
)
def test_a_sweep_that_cannot_be_is_one_sentence(photo, settings, message):
    valid = {"presets": ["low"], "guidance_scales": [3], "steps": [1], "strengths": [None], "seeds": [0]}
    with pytest.raises(gr.Error, match=re.escape(message)):
        list(Endpoints(LabPipeline()).sweep(photo["path"], **valid | settings))


@pytest.mark.server
def test_a_captioner_describes_photos(photo):
    class Captioner(FakePipeline):
        captioner = object()

        def caption(self, image: Image.Image) -> str:
            return f"a picture of {image.width} pixels"

    demo = build_demo(Captioner())
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    assert Client(url, verbose=False).predict(photo, api_name="/caption") == "a picture of 256 pixels"
    demo.close()


def test_the_readmes_example_runs(server, tmp_path, monkeypatch, capsys):
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    (example,) = (code for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "gradio_client" in code)
    assert example.count("http://127.0.0.1:7860") == 1
    Image.linear_gradient("L").convert("RGB").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(example.replace("http://127.0.0.1:7860", server), {})
    assert "a red house on a green hill" in capsys.readouterr().out


def test_programs_read_what_every_parameter_means(server):
    endpoints = httpx.get(f"{server}gradio_api/info").json()["named_endpoints"]
    assert {name: endpoint["description"] for name, endpoint in endpoints.items()} == {
        "/compress": "Turn a photo into a .pcv2 file.",
        "/decompress": "Paint the picture that a .pcv2 file describes.",
        "/info": "Tell what a .pcv2 file says, without painting it.",
        "/sweep": "Paint one photo under every combination of settings, at most 60 pictures and 1,200 steps.",
    }
    assert [parameter["parameter_name"] for parameter in endpoints["/decompress"]["parameters"]] == [
        "stream",
        "steps",
        "guidance_scale",
        "strength",
        "seed",
        "fast",
        "painter",
        "hold",
    ]


def test_tools_for_assistants(server):
    pytest.importorskip("mcp")
    tools = httpx.get(f"{server}gradio_api/mcp/schema").json()
    assert {tool["name"] for tool in tools} == {"compress", "decompress", "info", "sweep"}
    for tool in tools:
        assert all(value["description"] for value in tool["inputSchema"]["properties"].values())


def test_no_strength_is_the_models_default(client, fake, photo):
    written, _ = client.predict(photo, api_name="/compress")
    client.predict(handle_file(written), fast=True, api_name="/decompress")
    assert fake.calls[-1]["strength"] is None
    assert fake.calls[-1]["fast"]


def test_empty_settings_are_the_defaults(client, fake, photo):
    written, _ = client.predict(photo, caption=None, api_name="/compress")
    assert Bitstream.from_file(written).caption == ""
    empty = {"steps": None, "guidance_scale": None, "seed": None}
    client.predict(handle_file(written), **empty, api_name="/decompress")
    defaults = Sampling()
    assert fake.calls[-1] == {
        "steps": defaults.steps,
        "guidance_scale": defaults.guidance,
        "strength": None,
        "seed": defaults.seed,
    }


@pytest.mark.parametrize("value", [5, "abc", ["abc"], {"path": "/etc/hostname"}, {"path": None}])
def test_malformed_files_are_refused_in_a_sentence(server, value):
    for name in ("compress", "decompress", "info"):
        answer = call(server, name, [value])
        assert MALFORMED_SENTENCE in answer
        assert "/etc" not in answer


def test_malformed_settings_are_refused_in_a_sentence(client, server, photo):
    written, _ = client.predict(photo, api_name="/compress")
    with open(written, "rb") as file:
        (path,) = httpx.post(f"{server}gradio_api/upload", files={"files": file}).json()
    stream = {"path": path, "meta": {"_type": "gradio.FileData"}}
    for steps in ("many", [1], {}):
        assert MALFORMED_SENTENCE in call(server, "decompress", [stream, steps, 3, None, 0, False, "own", 0])
    for steps in (1e308, -1, 10**9):
        assert "imum value" in call(server, "decompress", [stream, steps, 3, None, 0, False, "own", 0])


def call(server: str, name: str, data: list) -> str:
    """What an endpoint answers to exactly these values."""
    api = f"{server}gradio_api/call/{name}"
    event = httpx.post(api, json={"data": data}).json()["event_id"]
    lines = httpx.get(f"{api}/{event}", timeout=20).text.splitlines()
    answers = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    return str(answers[-1])


@pytest.mark.parametrize("setting", [{"steps": 4.7}, {"seed": 0.5}])
def test_steps_and_seeds_are_whole_numbers(client, photo, setting):
    stream, _ = client.predict(photo, api_name="/compress")
    ((name, value),) = setting.items()
    with pytest.raises(AppError, match=f"{name} must be a whole number, not {value}".capitalize()):
        client.predict(handle_file(stream), **setting, api_name="/decompress")


def test_errors_are_sentences(client, tmp_path):
    path = tmp_path / "junk.png"
    path.write_bytes(b"junk")
    with pytest.raises(AppError, match="not a picture"):
        client.predict(handle_file(path), api_name="/compress")
    path = path.rename(tmp_path / "junk.pcv2")
    path.write_bytes(b"bad")
    for endpoint in ("/decompress", "/info"):
        with pytest.raises(AppError, match="cut short"):
            client.predict(handle_file(path), api_name=endpoint)


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
