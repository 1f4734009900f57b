"""The README says what is so: its snippets run, its commands parse, its tables are the committed results."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from percov2_demo.__main__ import build_parser, main
from tests.scene import draw_scene
from tools.document_tables import DOCUMENTS, TABLES, written


ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


SHELL = "".join("".join(blocks("bash", document.read_text("utf-8"))) for document in DOCUMENTS).replace("\\\n", " ")
COMMANDS = [shlex.split(line)[3:] for line in SHELL.splitlines() if "-m percov2_demo" in line]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.parent.name)
def test_tables_are_the_committed_results(document):
    """`python -m tools.document_tables` writes them."""
    tables = written(document.read_text("utf-8"))
    assert tables
    for name, body in tables.items():
        assert body == TABLES[name](), name


def test_python_snippet_runs(tmp_path, monkeypatch):
    draw_scene(640, 480).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    (snippet,) = (block for block in blocks("python") if "PerCoV2Pipeline" in block)
    # Fewer steps than a reader takes: the snippet's code is tested here, not the sampler.
    exec(snippet.replace("num_inference_steps=4", "num_inference_steps=1"), {})
    with Image.open("back.png") as picture:
        assert picture.size == (576, 448)


def test_commands_parse():
    names = {command[0] for command in COMMANDS}
    assert names >= {"compress", "decompress", "info", "serve", "evaluate", "train", "publish"}
    stages = {stage for names in re.findall(r"for stage in (.*?);", SHELL) for stage in names.split()}
    for command in COMMANDS:
        for stage in stages if "$stage" in command else {""}:
            build_parser().parse_args([stage if word == "$stage" else word for word in command])


@pytest.mark.parametrize("command", [words for words in COMMANDS if words[0] == "publish"], ids=" ".join)
def test_spaces_are_published_but_for_the_upload(command, capsys):
    assert main([*command, "--dry-run"]) == 0
    megabytes = json.loads(capsys.readouterr().out)["bytes"] / 1e6
    assert f"({megabytes:.0f} MB)" in README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.parent.name)
def test_files_that_documents_link_to_exist(document):
    links = re.findall(r"\]\((?!http)([^)#]+)", document.read_text("utf-8"))
    assert links
    for link in links:
        assert (document.parent / link).is_file(), link
