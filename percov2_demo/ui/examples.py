"""Photos to try without having one, those that gradio carries, and what the embedded model made of them before."""

import base64
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from gradio.media import get_image

from percov2_demo.assets import ASSETS


RESULTS = ASSETS / "results" / "examples"
"""Pictures in small and `examples.json`, as `python -m tools.example_results` writes them."""

_CAPTIONS: dict[str, str] = {
    "tower.jpg": "the eiffel tower lit up in gold at dusk seen from below with bare branches",
    "cheetah.jpg": "a cheetah running at full speed across a blurred brown plain",
    "lion.jpg": "a male lion with a dark mane lying on a rock in the sun",
    "cheetah1.jpg": "a close up of a cheetah looking straight into the camera",
}


@dataclass(frozen=True)
class ExamplePicture:
    """A picture of an example, in small.

    Attributes:
        size: Bytes of the file: the photo's own, or the one that the picture is painted from.
        preset: Name of the preset; empty for the photo.
        url: The picture as a data URL.
    """

    size: int
    preset: str
    url: str


@dataclass(frozen=True)
class RewrittenPicture:
    """A picture of an example, in small, painted from the same indices as others under another caption.

    Attributes:
        caption: The caption.
        url: The picture as a data URL.
    """

    caption: str
    url: str


def example_photos() -> list[tuple[str, str]]:
    """List rows of photo path and caption."""
    return [(get_image(name), caption) for name, caption in _CAPTIONS.items()]


@cache
def example_results(identity: str) -> list[list[ExamplePicture]]:
    """List, for each example, its photo and what a model made of it, the largest file first.

    Args:
        identity: The model's identity; what another model made is not shown for its own.
    """
    return [
        [ExamplePicture(item["size"], item["preset"], _data_url(item["picture"])) for item in row]
        for row in _results(identity).get("examples", [])
    ]


@cache
def rewritten_example(identity: str) -> list[RewrittenPicture]:
    """List what a model painted of one example's indices under several captions, the example's own first.

    Args:
        identity: The model's identity, as in `example_results`.
    """
    return [
        RewrittenPicture(item["caption"], _data_url(item["picture"]))
        for item in _results(identity).get("rewritten", [])
    ]


def _results(identity: str) -> dict[str, Any]:
    path = RESULTS / "examples.json"
    results = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return results if results.get("model") == identity else {}


def _data_url(name: str) -> str:
    data = base64.b64encode((RESULTS / name).read_bytes()).decode()
    return f"data:image/webp;base64,{data}"
