"""A photo to experiment with: the component, its examples, and the photo as the codec sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from percov2_demo.ui.files import png_bytes, safe_stem, save_download
from percov2_demo.ui.photo_input import photo_image, read_photo


@dataclass(frozen=True)
class LabPhoto:
    """A visitor's photo, ready to be encoded.

    Attributes:
        path: The photo after the fit, a PNG file.
        stem: Its name, for the names of what is made of it.
    """

    path: str
    stem: str


class PhotoInput:
    """The component, laid out in the current context.

    Args:
        name: Prefix of the elements' ids.
        max_side: Longest side in pixels that the codec takes.
    """

    def __init__(self, name: str, max_side: int):
        self._name = name
        self._max_side = max_side
        self.image = photo_image(f"{name}-photo", height=220)

    def offer(self, rows: Sequence[Sequence[Any]], text: Component) -> None:
        """Lays out examples: rows of a photo's path and the value of a text component."""
        gr.Examples(
            [list(row) for row in rows],
            [self.image, text],
            label="Or try one of these",
            visible_columns=[0],
            api_visibility="private",
            elem_id=f"{self._name}-examples",
        )

    def read(self, photo: dict[str, Any] | None) -> LabPhoto:
        """Fits the photo.

        Args:
            photo: The image component's raw value: gradio would fail on a damaged photo before it reached us.
        """
        fitted = read_photo(photo, self._max_side)
        stem = safe_stem(photo.get("orig_name") or photo["path"])
        return LabPhoto(save_download(png_bytes(fitted), f"{stem}-original.png"), stem)
