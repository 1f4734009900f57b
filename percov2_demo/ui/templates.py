"""Markup from templates, which lie beside the modules that fill them; what is filled in is escaped."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(name: str, **values: Any) -> str:
    """Fill a template.

    Args:
        name: The template's path within `ui/`, such as "panels/strip.html".
        **values: What it asks for; markup must come as `markupsafe.Markup`, all else is escaped.
    """
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
