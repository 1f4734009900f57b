"""A photo to begin with: the visitor's own, or an example with its caption."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.images import fit_image, load_image
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.files import received_path
from percov2_demo.ui.sampling import PAGE_EVENT
from percov2_demo.ui.scripts import forget_text_script


def photo_image(elem_id: str, height: int, invitation: str = "Drop a photo here") -> gr.Image:
    """An image component for a visitor's photo, which is refused at once if it cannot be used.

    Args:
        elem_id: The element's id.
        height: Height in pixels.
        invitation: First line of what stands in its place before there is a photo.
    """
    photo = gr.Image(
        label="Photo",
        type="filepath",
        format="png",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        buttons=["fullscreen"],
        height=height,
        placeholder=f"{invitation}\n- or -\nclick to choose one",
        elem_id=elem_id,
        alt_text="The chosen photo",
    )
    checked = photo.upload(friendly(check_photo), photo, preprocess=False, **PAGE_EVENT)
    checked.failure(lambda: None, outputs=photo, **PAGE_EVENT)
    return photo


@dataclass(frozen=True)
class PhotoInput:
    """The components; both are inputs for handlers of events with `preprocess=False`, see `read_photo`."""

    photo: gr.Image
    caption: gr.Textbox

    @classmethod
    def create(cls, name: str) -> "PhotoInput":
        """Lays the components out in the current context; their elements' ids begin with `name`."""
        photo = photo_image(f"{name}-photo", height=220)
        caption = gr.Textbox(
            label="Caption",
            info="Travels in the file. Leave it empty for none.",
            lines=1,
            max_lines=3,
            max_length=MAX_CAPTION_BYTES,
            elem_id=f"{name}-caption",
            render=False,
        )
        gr.Examples(
            example_photos(),
            [photo, caption],
            label="Or try one of these",
            visible_columns=[0],
            api_visibility="private",
            elem_id=f"{name}-examples",
        )
        caption.render()
        # An example's caption does not fit the visitor's own photo.
        captions = [caption for _, caption in example_photos()]
        photo.input(None, caption, caption, js=forget_text_script(captions), **PAGE_EVENT)
        return cls(photo, caption)


def read_photo(photo: dict[str, Any] | None, max_side: int) -> Image.Image:
    """A photo as the codec sees it.

    Args:
        photo: The image component's raw value: gradio would fail on a damaged photo before it reached us.
        max_side: Longest side in pixels.

    Raises:
        ImageError: The photo cannot be used.
        gr.Error: There is none.
    """
    if not photo:
        raise gr.Error("Choose a photo first.", print_exception=False)
    return fit_image(load_image(received_path(photo)), "native", max_side)


def check_photo(photo: dict[str, Any]) -> None:
    """Raises what is wrong with a photo as soon as it is chosen; its value is raw, see `read_photo`."""
    load_image(received_path(photo))
