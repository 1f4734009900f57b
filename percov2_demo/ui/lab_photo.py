"""A photo to experiment with: the component, its examples, and the photo as the codec sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from percov2_demo.images import fit_image, load_image
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.files import png_bytes, received_path, safe_stem, save_download
from percov2_demo.ui.sampling import PAGE_EVENT


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
        self.image = gr.Image(
            label="Photo",
            type="filepath",
            format="png",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            buttons=["fullscreen"],
            height=220,
            placeholder="Drop a photo here\n- or -\nclick to choose one",
            elem_id=f"{name}-photo",
            alt_text="The chosen photo",
        )
        checked = self.image.upload(friendly(self._check), self.image, preprocess=False, **PAGE_EVENT)
        checked.failure(_nothing, outputs=self.image, **PAGE_EVENT)

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
        if not photo:
            raise gr.Error("Choose a photo first.", print_exception=False)
        path = received_path(photo)
        fitted = fit_image(load_image(path), max_side=self._max_side)
        stem = safe_stem(photo.get("orig_name") or path.name)
        return LabPhoto(save_download(png_bytes(fitted), f"{stem}-original.png"), stem)

    def _check(self, photo: dict[str, Any]) -> None:
        load_image(received_path(photo))


def _nothing() -> None:
    """An empty component."""
