"""The package as it is installed: its requirements, and the console script outside the clone."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import percov2_demo
from percov2_demo.__main__ import main
from tests.scene import draw_scene


ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def requirements(name: str) -> set[str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_requirements_are_those_of_the_package():
    assert requirements("requirements.txt") == set(PROJECT["dependencies"])
    extra = set(PROJECT["optional-dependencies"]["dev"])
    assert requirements("requirements-dev.txt") == {"-r requirements.txt"} | extra


def test_spaces_have_the_gradio_of_the_package():
    (pinned,) = (name.removeprefix("gradio~=") for name in PROJECT["dependencies"] if name.startswith("gradio~="))
    for card in ROOT.glob("spaces_config/*/README.md"):
        text = card.read_text("utf-8")
        assert "sdk: gradio" not in text or f"sdk_version: {pinned}\n" in text, card


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert percov2_demo.__version__ in capsys.readouterr().out


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the package as pip installs it, without what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", folder)
    subprocess.run([sys.executable, "-m", "pip", "install", *options, ROOT], check=True)
    return folder


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the console script in another folder than the clone."""
    return subprocess.run(
        [sys.executable, installed / "bin" / "percov2", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.server
def test_the_installed_script_compresses(installed, tmp_path):
    draw_scene().save(tmp_path / "photo.png")
    compressed = run(installed, tmp_path, "compress", "photo.png", "-o", "photo.pcv2", "--caption", "a scene")
    assert compressed.returncode == 0, compressed.stderr
    assert json.loads(compressed.stdout)["bytes"]["total"] == (tmp_path / "photo.pcv2").stat().st_size


@pytest.mark.server
def test_the_installed_package_names_its_files(installed, tmp_path):
    code = "import percov2_demo.assets as a; from percov2_demo.evaluation.published import load_published as load;"
    code += "print(a.__file__, a.ASSETS, len(load()))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    module, assets, count = answer.stdout.split()
    assert Path(module) == installed / "percov2_demo" / "assets.py"
    assert Path(assets) == installed / "percov2_demo" / "assets"
    assert int(count) > 0
    templates = {path.relative_to(ROOT) for path in (ROOT / "percov2_demo").rglob("*.html")}
    assert templates == {path.relative_to(installed) for path in (installed / "percov2_demo").rglob("*.html")}
    published = run(installed, tmp_path, "publish", "--space", "me/explorer", "--hardware", "cpu-basic", "--dry-run")
    assert published.returncode == 2
    assert "clone of the repository" in published.stderr
