"""The package's rooms: arrows go down, there are no circles, and ARCHITECTURE.md names every room there is."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path


ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "pyproject.toml"
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_imports_go_down_and_not_in_circles():
    # In a process of its own, because the linter silences all loggers of its process.
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--config", PROJECT, "--no-cache", "--no-logo"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_every_room_is_named():
    contracts = tomllib.loads(PROJECT.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["containers"] == ["percov2_demo"])
    # Rooms in brackets may be absent.
    for room in re.findall(r"(?<!\()\b\w+\b(?!\))", " ".join(layers)):
        assert re.search(rf"`{room}(/|\.py)`", TEXT), room


def test_what_is_named_exists():
    names = set(re.findall(r"`([\w./]+(?:/|\.py|\.toml))`", TEXT))
    assert len(names) > 30
    for name in names:
        places = ("", "percov2_demo", "percov2_demo/ui", "percov2_demo/training", "percov2_demo/pipelines")
        assert any((ROOT / place / name).exists() for place in places), name
