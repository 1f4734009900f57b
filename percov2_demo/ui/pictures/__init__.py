"""The page's own drawings, as SVG."""

import base64
from pathlib import Path


def picture_path(name: str) -> Path:
    """Return the file of a drawing."""
    return Path(__file__).with_name(f"{name}.svg")


def picture_url(name: str) -> str:
    """Return a drawing as a data URL: drawings put in as markup would share their gradients' names."""
    data = base64.b64encode(picture_path(name).read_bytes()).decode()
    return f"data:image/svg+xml;base64,{data}"
