"""A Space: which files it takes, how they get there, and what is said when they do not."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from gradio_client import Client, handle_file
from huggingface_hub import constants

from percov2_demo.__main__ import build_parser, main
from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.hub import publish_space
from percov2_demo.hub.hardware import HARDWARE, VARIABLES
from percov2_demo.hub.publish_space import assemble, files
from tests.scene import draw_scene
from tests.space_hub import serve_hub


TOKEN = "hf_aSecretThatNobodyMaySee"
ROOT = publish_space.ROOT


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A small project in place of the real one, with what must not leave it."""
    root = tmp_path / "checkout"
    contents = {
        "app.py": "print('app')",
        "LICENSE": "licence",
        "README.md": "the project's own",
        "requirements.txt": "gradio>=6\n",
        "notes.txt": "private",
        ".env": "HF_TOKEN=hf_another",
        "percov2_demo/ui/page.css": "p {}",
        "percov2_demo/__pycache__/ui.pyc": "",
        "tests/test_app.py": "",
        "data/photos/train-0.tar": "",
        "runs/state.safetensors": "",
        "assets/model/model_index.json": "{}",
        "assets/results/kodak/summary.csv": "",
        "assets/results/kodak/pictures/1.json": "",
        "assets/results/kodak/timings.csv": "",
    }
    for hardware in HARDWARE:
        variant = ROOT / "spaces_config" / hardware
        for path in variant.iterdir():
            contents[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    monkeypatch.setattr(publish_space, "ROOT", root)
    monkeypatch.setattr(publish_space, "EMBEDDED_MODEL", root / "assets" / "model")
    return root


@pytest.fixture
def hub(monkeypatch):
    with serve_hub(TOKEN) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


UPLOADED = {
    "LICENSE",
    "README.md",
    "app.py",
    "assets/model/model_index.json",
    "assets/results/kodak/summary.csv",
    "percov2_demo/ui/page.css",
    "requirements.txt",
}


def test_all_hardware_has_a_folder():
    assert {path.name for path in (ROOT / "spaces_config").iterdir()} == {*HARDWARE, "replicas"}


def test_zero_gpu_gets_a_plan_without_offload_of_its_own():
    assert not PLANS[VARIABLES["zero-gpu"]["PERCOV2_MEMORY"]].offload


def front_matter(text: str) -> dict:
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])


def run(*arguments: str, capsys) -> tuple[int, dict, str]:
    code = main(["publish", "--space", "me/explorer", *arguments])
    captured = capsys.readouterr()
    return code, json.loads(captured.out or "{}"), captured.err


def test_the_rules_choose_what_git_has():
    """A Space is made by rules, also where there is no git; where there is, they must choose what git would."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("no checkout")
    tracked = set(listing.stdout.splitlines())
    elsewhere = (".ci/", "docs/", "spaces_config/", "tests/", "tools/")
    documents = {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile", ".gitignore", "pyproject.toml"}
    documents |= {"requirements.txt", "requirements-dev.txt"}
    # No page shows the pictures of the README and the model card.
    wanted = {name for name in tracked if not name.startswith(elsewhere) and not name.endswith((".jpg", ".png"))}
    assert set(files()) == wanted - documents


def test_what_git_does_not_track_stays_here(checkout):
    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=checkout, check=True, capture_output=True)

    (checkout / "assets" / "notes.md").write_text("private")
    assert "assets/notes.md" in files()
    git("init")
    git("add", "--all")
    git("rm", "--cached", "assets/notes.md")
    assert set(files()) == UPLOADED - {"README.md", "requirements.txt"}


@pytest.mark.parametrize("hardware", HARDWARE)
def test_a_dry_run_says_what_would_be_uploaded(hardware, checkout, capsys, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    code, result, _ = run("--hardware", hardware, "--model", "you/model", "--dry-run", capsys=capsys)
    assert code == 0
    assert set(result["files"]) == UPLOADED
    assert result["bytes"] == sum(result["files"].values())
    assert result["files"]["percov2_demo/ui/page.css"] == 4
    assert result["variables"] == VARIABLES[hardware] | {"PERCOV2_MODEL": "you/model"}
    assert "url" not in result


@pytest.mark.parametrize("hardware", HARDWARE)
def test_front_matter_and_requirements(hardware, tmp_path):
    assemble(tmp_path, hardware, "you/model", preload=True)
    matter = front_matter((tmp_path / "README.md").read_text("utf-8"))
    assert (matter["sdk"], matter["app_file"], matter["python_version"]) == ("gradio", "app.py", "3.12")
    assert matter["sdk_version"] == version("gradio")
    assert matter["suggested_hardware"] == HARDWARE[hardware]
    assert matter["models"] == matter["preload_from_hub"] == ["you/model"]
    assert len(matter["short_description"]) <= 60
    lines = (tmp_path / "requirements.txt").read_text("utf-8").splitlines()
    assert set((ROOT / "requirements.txt").read_text("utf-8").splitlines()) < set(lines)
    names = {re.match(r"[\w-]*", line)[0].lower() for line in lines}
    assert not names & {"torchvision", "pydantic"}
    assert ("spaces" in names) == ("torch<2.12" in lines) == (hardware == "zero-gpu")


def test_the_embedded_model_is_not_preloaded(tmp_path):
    sizes = assemble(tmp_path, "cpu-basic")
    matter = front_matter((tmp_path / "README.md").read_text("utf-8"))
    assert not {"models", "preload_from_hub"} & set(matter)
    assert sum(sizes.values()) > 20_000_000
    assert sizes["assets/model/model_index.json"] == (ROOT / "assets/model/model_index.json").stat().st_size


def test_a_space_is_created_and_filled(checkout, hub, capsys):
    code, result, _ = run("--hardware", "zero-gpu", "--private", capsys=capsys)
    assert code == 0
    assert result["url"] == f"{hub.endpoint}/spaces/me/explorer"
    settings = hub.settings["me/explorer"]
    order = settings["order"]
    assert (order["type"], order["sdk"], order["visibility"]) == ("space", "gradio", "private")
    assert settings["hardware"] == "zero-a10g"
    assert settings["variables"] == VARIABLES["zero-gpu"] | {"PERCOV2_MODEL": "assets/model"}
    uploaded = hub.spaces["me/explorer"]
    assert uploaded.keys() == UPLOADED | {"old.py"}
    assert uploaded["app.py"] == b"print('app')"
    assert b"spaces>=" in uploaded["requirements.txt"]


def test_an_update_replaces_all_files(checkout, hub, capsys):
    assert run(capsys=capsys)[0] == 0
    (checkout / "app.py").write_text("print('new')")
    assert run("--update", capsys=capsys)[0] == 0
    assert hub.spaces["me/explorer"].keys() == UPLOADED
    assert hub.spaces["me/explorer"]["app.py"] == b"print('new')"


def test_an_update_replaces_the_variables_of_the_last_one_and_no_others(checkout, hub, capsys):
    assert run("--hardware", "zero-gpu", "--base", "you/base", "--captioner", "blip2", capsys=capsys)[0] == 0
    hub.settings["me/explorer"]["variables"]["GRADIO_SSR_MODE"] = "false"
    code, result, _ = run("--update", capsys=capsys)
    assert code == 0
    assert result["variables"] == {"PERCOV2_DEVICE": "cpu", "PERCOV2_MODEL": "assets/model"}
    assert hub.settings["me/explorer"]["variables"] == result["variables"] | {"GRADIO_SSR_MODE": "false"}


def test_an_update_can_make_a_space_private(checkout, hub, capsys):
    visibility = []
    for arguments in ([], ["--update"], ["--update", "--private"], ["--update"]):
        assert run(*arguments, capsys=capsys)[0] == 0
        visibility.append(hub.settings["me/explorer"]["order"].get("visibility"))
    assert visibility == [None, None, "private", "private"]


@pytest.mark.parametrize("name", ["stable-diffusion-3-medium-diffusers", "stable-diffusion-3.5-medium"])
def test_a_base_without_an_adapter_is_refused(name, capsys):
    code, _, error = run("--model", f"stabilityai/{name}", "--dry-run", capsys=capsys)
    assert code == 2
    assert error.startswith(f"error: stabilityai/{name} is a base without an adapter: ")


@pytest.mark.parametrize(
    ("properties", "preloaded"),
    [
        ({"private": False, "gated": False}, True),
        ({"private": False, "gated": "manual"}, False),
        ({"private": True, "gated": False}, False),
    ],
)
def test_only_public_models_are_preloaded(properties, preloaded, checkout, hub, capsys):
    hub.models["you/model"] = properties
    code, result, _ = run("--model", "you/model", capsys=capsys)
    assert code == 0
    assert result["preload"] is preloaded
    matter = front_matter(hub.spaces["me/explorer"]["README.md"].decode())
    assert ("preload_from_hub" in matter) == preloaded


CREATE, COMMIT = "/api/repos/create", "/api/spaces/me/explorer/commit/main"


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        (CREATE, 401, "the hub does not accept your token: log in with `hf auth login`"),
        (CREATE, 402, "asks for a subscription or credits to run a Space of this kind under me"),
        (CREATE, 403, "your token has no right to me/explorer: use one with write access"),
        (CREATE, 409, "there is a Space me/explorer already: choose another name, or update it"),
        (CREATE, 418, "the hub answered with status 418: try again later"),
        (COMMIT, 403, "your token has no right to me/explorer"),
        ("/api/spaces/me/explorer/hardware", 402, "me/explorer is published, but the hub refused the hardware"),
    ],
)
def test_refusals_are_one_sentence_with_the_remedy(path, status, sentence, checkout, hub, capsys):
    hub.refusals[path] = status
    code, result, error = run(capsys=capsys)
    assert (code, result) == (2, {})
    assert error.splitlines()[-1].startswith("error: ")
    assert sentence in error.splitlines()[-1]
    assert "Traceback" not in error


def test_a_space_that_is_not_there_cannot_be_updated(checkout, hub, capsys):
    code, _, error = run("--update", capsys=capsys)
    assert code == 2
    assert "there is no Space me/explorer, or your token may not see it: create it before it is updated" in error


def test_a_model_that_is_not_there(checkout, hub, capsys):
    code, _, error = run("--model", "you/nothing", capsys=capsys)
    assert code == 2
    assert "there is no model you/nothing, or your token may not see it" in error
    assert not hub.spaces


def test_without_network(checkout, capsys, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    code, _, error = run(capsys=capsys)
    assert code == 2
    assert "the hub cannot be reached: check the network" in error


@pytest.mark.parametrize("name", ["explorer", "a/b/c", "me/", "me/a b", "me/.."])
def test_names_are_checked_before_anything_is_asked(name, capsys):
    assert main(["publish", "--space", name]) == 2
    assert "name a Space as user/name" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--model", "--base", "--captioner"])
def test_what_is_on_this_computer_alone_is_refused(option, tmp_path, capsys):
    code, _, error = run(option, str(tmp_path), "--dry-run", capsys=capsys)
    assert code == 2
    assert "upload it to the hub first" in error
    code, _, error = run(option, "nothing", "--dry-run", capsys=capsys)
    assert code == 2
    assert error == f"error: name a {option.removeprefix('--')} as user/name, in letters, digits, -, _ and .\n"


@pytest.mark.parametrize("captioner", ["blip2", "you/captioner"])
def test_a_space_is_told_its_base_and_captioner(captioner, checkout, hub, capsys, monkeypatch):
    hub.models["you/adapter"] = {"private": False, "gated": False}
    code, result, _ = run("--model", "you/adapter", "--base", "you/base", "--captioner", captioner, capsys=capsys)
    assert code == 0
    assert hub.settings["me/explorer"]["variables"] == result["variables"]
    for name, value in result["variables"].items():
        monkeypatch.setenv(name, value)
    served = build_parser().parse_args(["serve"])
    assert (served.model, served.base, served.captioner) == ("you/adapter", "you/base", captioner)


@pytest.mark.parametrize("refused", [None, CREATE, COMMIT])
def test_the_token_is_seen_nowhere(refused, checkout, hub, capsys, caplog):
    if refused:
        hub.refusals[refused] = 403
    with caplog.at_level(logging.DEBUG):
        main(["publish", "--space", "me/explorer"])
    captured = capsys.readouterr()
    uploaded = b"".join(hub.spaces.get("me/explorer", {}).values())
    settings = json.dumps(hub.settings)
    for text in (captured.out, captured.err, caplog.text, uploaded.decode(), settings):
        assert TOKEN not in text


@contextmanager
def started(folder: Path, python: str | Path, environment: dict[str, str]) -> Iterator[str]:
    """The address of the app of a folder, served by an interpreter with nothing of this checkout on its path."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    app = subprocess.Popen(
        [python, "app.py"],
        cwd=folder,
        env=inherited | environment | {"GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(400):
            assert app.poll() is None, app.stdout.read().decode()
            try:
                get(address)
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        app.kill()
        app.wait()
        app.stdout.close()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


EMBEDDED = {"PERCOV2_MODEL": "assets/model", "PERCOV2_DEVICE": "cpu"}
"""The model that each variant can serve without a network and a GPU."""


@pytest.mark.server
def test_the_assembled_folder_starts(tmp_path):
    assemble(tmp_path, "cpu-basic")
    with started(tmp_path, sys.executable, EMBEDDED) as address:
        assert "PerCoV2 Explorer" in get(address)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("hardware", HARDWARE)
def test_the_assembled_folder_starts_in_a_fresh_environment(hardware, tmp_path):
    """With what the folder's requirements name and nothing else, but for torch.

    torch is the build without GPU libraries that continuous integration has, because a Space's own are gigabytes; so
    this shows nothing of the bound that ZeroGPU sets to its version.
    """
    folder, environment = tmp_path / "space", tmp_path / "environment"
    folder.mkdir()
    assemble(folder, hardware)
    lines = (folder / "requirements.txt").read_text("utf-8").splitlines()
    others = [line for line in lines if line and not line.startswith(("#", "-", "torch"))]
    venv.create(environment, with_pip=True, clear=True)
    python = environment / "bin" / "python"
    for requirements in (["torch==2.13.0"], others):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    subprocess.run([python, "-m", "pip", "check"], check=True)
    has_spaces = subprocess.run([python, "-c", "import spaces"], check=False, capture_output=True).returncode == 0
    assert has_spaces == (hardware == "zero-gpu")
    draw_scene().save(tmp_path / "scene.png")
    with started(folder, python, VARIABLES[hardware] | EMBEDDED) as address:
        assert "PerCoV2 Explorer" in get(address)
        endpoints = json.loads(get(f"{address}/gradio_api/info"))["named_endpoints"]
        assert {"/compress", "/decompress", "/info"} <= set(endpoints)
        client = Client(address, verbose=False, download_files=tmp_path / "downloads")
        written, _ = client.predict(handle_file(tmp_path / "scene.png"), caption="a house", api_name="/compress")
        assert client.predict(handle_file(written), api_name="/info")["caption"] == "a house"
