"""The documents say what is so: snippets run, commands parse, tables are the committed results, links lead on."""

import json
import re
import shlex
from itertools import takewhile
from pathlib import Path

import pytest
from PIL import Image

from percov2_demo.__main__ import build_parser, main
from percov2_demo.images.limits import MAX_DECODING_SECONDS, MAX_FILE_BYTES, MAX_WORKER_BYTES
from percov2_demo.ui.controls.sampling import MAX_STEPS
from percov2_demo.ui.demo import MAX_SESSIONS, MAX_WAITING_VISITORS
from percov2_demo.ui.server.limits import MAX_BODY_BYTES
from tests.scene import draw_scene
from tools.document_tables import DOCUMENTS, MODEL, ROOT, TABLES, manifest, written


PAGES = [*DOCUMENTS, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("spaces_config/replicas/*.md")]
README, SERVING, SECURITY = (
    (ROOT / name).read_text("utf-8") for name in ("README.md", "docs/serving.md", "docs/security.md")
)


def blocks(language: str, text: str) -> list[str]:
    """The code of a document in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


SHELL = "".join("".join(blocks("bash", page.read_text("utf-8"))) for page in PAGES).replace("\\\n", " ")
COMMANDS = [
    words[words.index("percov2_demo") + 1 :]
    for words in (shlex.split(line) for line in SHELL.splitlines() if "-m percov2_demo" in line)
]


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", DOCUMENTS, ids=page_id)
def test_tables_are_the_committed_results(page):
    """`python -m tools.document_tables` writes them."""
    for name, body in written(page.read_text("utf-8")).items():
        assert body == TABLES[name](), name


def test_every_table_is_shown():
    shown = {name for page in DOCUMENTS for name in written(page.read_text("utf-8"))}
    assert shown == set(TABLES)


def test_python_snippet_runs(tmp_path, monkeypatch):
    draw_scene(640, 480).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    (snippet,) = (block for block in blocks("python", README) if "PerCoV2Pipeline" in block)
    # Fewer steps than a reader takes: the snippet's code is tested here, not the sampler.
    exec(snippet.replace("num_inference_steps=4", "num_inference_steps=1"), {})
    with Image.open("back.png") as picture:
        assert picture.size == (576, 448)


def test_commands_parse():
    names = {command[0] for command in COMMANDS}
    assert names >= {"compress", "decompress", "info", "serve", "evaluate", "train", "publish", "convert-perco"}
    stages = {stage for names in re.findall(r"for stage in (.*?);", SHELL) for stage in names.split()}
    for command in COMMANDS:
        words = list(takewhile(lambda word: word not in ("&", "&&", "|"), command))
        for stage in stages if "$stage" in words else {""}:
            build_parser().parse_args([stage if word == "$stage" else word for word in words])


@pytest.mark.parametrize("command", [words for words in COMMANDS if words[0] == "publish"], ids=" ".join)
def test_spaces_are_published_but_for_the_upload(command, capsys):
    assert main([*command, *([] if "--dry-run" in command else ["--dry-run"])]) == 0
    megabytes = json.loads(capsys.readouterr().out)["bytes"] / 1e6
    assert f"({megabytes:.0f} MB)" in SERVING


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text("utf-8")):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.is_file(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as the forges make them."""
    lines = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 220


def test_the_model_is_as_large_as_the_readme_says():
    parameters = sum(manifest()["parameters"].values())
    megabytes = sum(path.stat().st_size for path in MODEL.rglob("*.safetensors")) / 1e6
    assert f"has {parameters / 1e6:.0f} million parameters ({megabytes:.0f} MB)" in README.replace("\n", " ")


def test_limits_are_those_that_the_pages_name():
    security, serving = (" ".join(text.split()) for text in (SECURITY, SERVING))
    assert f"files have at most {MAX_FILE_BYTES >> 20} MB" in security
    assert f"{MAX_WORKER_BYTES >> 20} MB of memory or {MAX_DECODING_SECONDS} seconds" in security
    assert f"any other request {MAX_BODY_BYTES >> 20}, and a painting {MAX_STEPS} steps" in security
    assert f"{MAX_WAITING_VISITORS} requests may wait" in security
    assert f"{MAX_WAITING_VISITORS} requests may wait" in serving
    assert f"sessions of the last {MAX_SESSIONS} visitors" in serving
