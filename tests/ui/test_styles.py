"""The style sheets: short, readable, and without a class that nothing uses."""

import re
from pathlib import Path

import gradio
import pytest

from percov2_demo.ui.theme import STYLESHEETS


UI = Path(STYLESHEETS[0]).parent.parent
GRADIO = "gradio"
"""The one file with class names of gradio."""

PLOTLY = {"js-plotly-plot", "modebar-container", "textpoint"}
"""Classes that plotly gives when it draws."""

MAX_LINES = 900


def rules(path: Path) -> str:
    """A style sheet without comments and texts."""
    return re.sub(r"/\*.*?\*/|\"[^\"]*\"", "", path.read_text("utf-8"), flags=re.DOTALL)


def styled_names(path: Path) -> set[str]:
    """The classes and ids of a style sheet's selectors."""
    return set(re.findall(r"[.#]([a-z][\w-]*)(?=[^{};]*\{)", rules(path))) - {"gradio-container", "dark"}


def names_in_markup() -> set[str]:
    """All words that templates, modules and scripts of the page hold in quotes: classes and ids are among them."""
    files = [path for kind in ("py", "html", "js", "svg") for path in UI.rglob(f"*.{kind}")]
    quoted = re.findall(r"[\"'`]([^\"'`\n]*)", " ".join(path.read_text("utf-8") for path in files))
    return {word for text in quoted for word in re.findall(r"[\w-]+", text)}


def test_all_sheets_are_applied():
    assert {path.name for path in (UI / "styles").iterdir()} == {path.name for path in STYLESHEETS}


def test_they_stay_short():
    assert sum(len(path.read_text("utf-8").splitlines()) for path in STYLESHEETS) < MAX_LINES


@pytest.mark.parametrize("path", STYLESHEETS, ids=lambda path: path.stem)
def test_a_line_has_one_declaration_and_a_rule_of_several_one_on_each(path):
    lines = rules(path).splitlines()
    assert not [line for line in lines if line.count(";") > 1]
    assert not [line for line in lines if "http" in line or "@import" in line]


def test_gradios_own_classes_are_gradios():
    assets = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    theirs = {
        name for path in assets.glob("*.css") for name in re.findall(r"\.([a-z][\w-]*)", path.read_text("utf-8"))
    }
    (sheet,) = [path for path in STYLESHEETS if path.stem == GRADIO]
    assert not styled_names(sheet) - names_in_markup() - theirs - PLOTLY


@pytest.mark.parametrize("path", [path for path in STYLESHEETS if path.stem != GRADIO], ids=lambda path: path.stem)
def test_each_class_and_id_is_in_some_markup(path):
    assert styled_names(path)
    assert not styled_names(path) - names_in_markup()
