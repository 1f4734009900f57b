"""Photos to try without having one, those that gradio carries, and what the embedded model made of them before."""

import base64
import json
from dataclasses import dataclass
from functools import cache

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


def example_photos() -> list[tuple[str, str]]:
    """List rows of photo path and caption."""
    return [(get_image(name), caption) for name, caption in _CAPTIONS.items()]


@cache
def example_results(identity: str) -> list[list[ExamplePicture]]:
    """List, for each example, its photo and what a model made of it, the largest file first.

    Args:
        identity: The model's identity; what another model made is not shown for its own.
    """
    path = RESULTS / "examples.json"
    if not path.is_file():
        return []
    results = json.loads(path.read_text("utf-8"))
    if results["model"] != identity:
        return []
    return [
        [ExamplePicture(item["size"], item["preset"], _data_url(item["picture"])) for item in row]
        for row in results["examples"]
    ]


def _data_url(name: str) -> str:
    data = base64.b64encode((RESULTS / name).read_bytes()).decode()
    return f"data:image/webp;base64,{data}"
