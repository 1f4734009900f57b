"""Nothing but one module knows the parts of gradio that are not public."""

import ast
from pathlib import Path

import percov2_demo.ui


PUBLIC = {"gradio", "gradio.components", "gradio.events", "gradio.media", "gradio.themes"}


def test_other_modules_import_what_is_public():
    for path in Path(percov2_demo.ui.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
        names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        internal = {name for name in names if name.partition(".")[0] == "gradio"} - PUBLIC
        assert not internal or path.name == "gradio_internals.py", (path.name, internal)
