"""A photo to begin with: the component, its examples, and the photo as the codec sees it."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.images import fit_image, load_image
from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.scripts import name_script, replace_script, stale_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import png_bytes, received_path, safe_stem, save_download
from percov2_demo.ui.session.photo import FittedPhoto


class PhotoInput:
    """The component, laid out in the current context; a photo that cannot be used is refused as soon as it is chosen.

    Its value is an input for handlers of events with `preprocess=False`, for gradio would fail on a damaged photo
    before it reached us. They hand the raw value to `read` or `fit`.

    Args:
        prefix: Start of the elements' ids.
        max_side: Longest side in pixels that the codec takes.
        result_id: Identity of the element that shows what was made of it; it is marked when another is chosen.
        height: Height in pixels.
        invitation: First line of what stands in its place before there is a photo.
    """

    def __init__(
        self, prefix: str, max_side: int, result_id: str, height: int = 220, invitation: str = "Drop a photo here"
    ):
        self._prefix = prefix
        self._max_side = max_side
        self.result_id = result_id
        self.texts: Sequence[Component] = ()
        self.leaving_script = "() => []"
        self.image = gr.Image(
            label="Photo",
            type="filepath",
            format="png",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            buttons=["fullscreen"],
            height=height,
            placeholder=f"{invitation}\n- or -\nclick to choose one",
            elem_id=f"{prefix}photo",
            alt_text="The chosen photo",
        )
        checked = self.image.upload(friendly(check_photo), self.image, preprocess=False, **PAGE_EVENT)
        checked.failure(lambda: None, outputs=self.image, **PAGE_EVENT)

    def offer(self, photos: Sequence[str]) -> None:
        """Lay out photos to try."""
        self.examples = gr.Examples(
            [[photo] for photo in photos],
            self.image,
            label="Or try one of these",
            api_visibility="private",
            elem_id=f"{self._prefix}examples",
        ).dataset
        # Gradio (6.31) gives the buttons no names.
        names = [f"Example: {caption}" for _, caption in example_photos()]
        gr.HTML(visible="hidden", js_on_load=name_script(f"#{self._prefix}examples button:has(img)", names))
        choices = [self.image.upload, self.image.clear, self.examples.click]
        gr.on(choices, None, js=stale_script(self.result_id, True), **PAGE_EVENT)

    def let_leave(self, texts: Sequence[Component], script: str) -> None:
        """Let texts leave with their photo, but what the visitor wrote.

        Args:
            texts: What says something of the photo.
            script: JavaScript from their values to those for another photo.
        """
        self.texts, self.leaving_script = texts, script
        self.image.input(None, texts, texts, js=script, **PAGE_EVENT)

    def offer_texts(self, rows: Sequence[tuple[str, str]], box: gr.Textbox, first: str = "") -> None:
        """Lay out examples and below them a box for their texts, which leave with their photo.

        Args:
            rows: Paths of photos, each with a text.
            box: The box, not laid out yet.
            first: What the box holds before anything is chosen.
        """
        self.offer([photo for photo, _ in rows])
        box.render()
        texts = [text for _, text in rows]
        self.let_leave([box], replace_script(dict.fromkeys(texts, first)))

        def offer_text(example: tuple[int, list[Any]], text: str) -> str:
            return texts[example[0]] if text in ("", first, *texts) else text

        self.examples.click(offer_text, [self.examples, box], box, **PAGE_EVENT)

    def offer_captions(self, info: str) -> gr.Textbox:
        """Lay out examples and below them a box for the caption, which it returns.

        Args:
            info: What the box says of itself.
        """
        box = gr.Textbox(
            "",
            label="Caption",
            info=info,
            placeholder="a red fox asleep in the snow",
            max_lines=3,
            max_length=MAX_CAPTION_BYTES,
            elem_id=f"{self._prefix}caption",
            render=False,
        )
        self.offer_texts(example_photos(), box)
        return box

    def fit(self, photo: dict[str, Any] | None, fit: str = "native") -> Image.Image:
        """Return the RGB picture as the codec sees it.

        Args:
            photo: The component's raw value.
            fit: Name of the fit.

        Raises:
            ImageError: The photo cannot be used.
            gr.Error: There is no photo.
        """
        if not photo:
            raise gr.Error("Choose a photo first.", print_exception=False)
        return fit_image(load_image(received_path(photo)), fit, self._max_side)

    def read(self, photo: dict[str, Any] | None, fit: str = "native") -> FittedPhoto:
        """As `fit`, in a file of the visitor's session."""
        fitted = self.fit(photo, fit)
        path = received_path(photo)
        stem = safe_stem((photo or {}).get("orig_name") or path.name)
        saved = save_download(png_bytes(fitted), f"{stem}-original.png")
        return FittedPhoto(saved, stem, fitted.size, str(path), path.stat().st_size, fit)


def check_photo(photo: dict[str, Any]) -> None:
    """Raise what is wrong with a photo, given as the component's raw value."""
    load_image(received_path(photo))
