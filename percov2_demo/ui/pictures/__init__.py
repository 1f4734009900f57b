"""The page's own drawings, as SVG."""

import base64
from collections.abc import Mapping
from pathlib import Path


def picture_path(name: str) -> Path:
    """Return the file of a drawing."""
    return Path(__file__).with_name(f"{name}.svg")


def picture_html(name: str) -> str:
    """Return an `img` of a decorative drawing: drawings put in as markup would share their gradients' names."""
    data = base64.b64encode(picture_path(name).read_bytes()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="">'


def drawing_html(name: str) -> str:
    """Return a drawing as markup, so that the page's colours reach it; its elements have no names that could clash."""
    return picture_path(name).read_text("utf-8")


def journey_html(steps: Mapping[str, str]) -> str:
    """Lay drawings out side by side, each by its name with the markup of its caption."""
    figures = "".join(
        f"<figure>{picture_html(name)}<figcaption>{text}</figcaption></figure>" for name, text in steps.items()
    )
    return f'<div class="journey">{figures}</div>'
