"""A refined file as it arrives: what its first bytes show."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.errors import InputError
from percov2_demo.ui.controls.size import SizeControl, bytes_at, position_of
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS
from percov2_demo.ui.jobs.refining import receive, refine
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import png_bytes, save_download


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

Updates = dict[Component, Any]

Arrived = tuple[int, str]
"""Bytes of the file so far, and the path of the picture that they give."""


class Progressive:
    """Its components and handlers.

    Args:
        pipeline: The codec.
        photo: The photo's component.
        caption: The caption's component.
        fit: Reads the photo component's raw value.
    """

    def __init__(
        self,
        pipeline: "Codec",
        photo: gr.Image,
        caption: gr.Textbox,
        fit: Callable[[dict[str, Any] | None], Image.Image],
    ):
        self._pipeline, self._fit = pipeline, fit
        self._arrived = gr.State([], time_to_live=STATE_LIFETIME_SECONDS)
        gr.HTML(
            "<h3>What do the first bytes show?</h3><p>Beyond the preset, a file goes on with noise that the sender "
            "chose for the painter. Cut it anywhere: what has arrived is a coarser picture.</p>"
        )
        self.size = SizeControl(list(pipeline.presets), "progressive-size", position_of(2000), optional=False)
        self.button = gr.Button("Refine and receive", size="sm")
        self.received = gr.Slider(0, 1, 0, step=1, label="Blocks received", elem_id="blocks", visible=False)
        self.note = gr.HTML()
        self.picture = gr.Image(
            label="What the bytes received show", type="filepath", format="png", visible=False, buttons=[]
        )
        self.button.click(
            friendly(self.receive),
            [photo, caption, self.size.slider],
            [self._arrived, self.received, self.note, self.picture],
            preprocess=False,
            show_progress_on=self.note,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        self.received.input(self.show, [self._arrived, self.received], [self.note, self.picture], **PAGE_EVENT)

    def receive(self, photo: dict[str, Any] | None, caption: str | None, position: int) -> Iterator[Updates]:
        """Refines the photo, then decodes the file block by block.

        Args:
            photo: The image component's raw value.
            caption: Text that travels in the file.
            position: The size slider's.
        """
        picture = self._fit(photo)
        stream = refine(self._pipeline, picture, bytes_at(position), (caption or "").strip())
        if stream.refinement is None:
            raise InputError("the file of this size has no blocks to receive: choose a larger one")
        arrived: list[Arrived] = []
        for size, shown in receive(self._pipeline, stream):
            arrived.append((size, save_download(png_bytes(shown), f"first-{size}-bytes.png")))
            number = len(arrived) - 1
            yield {
                self._arrived: arrived,
                self.received: gr.Slider(maximum=max(number, 1), value=number, visible=True),
                **self.show(arrived, number),
            }

    def show(self, arrived: list[Arrived], number: int) -> Updates:
        """The picture after so many blocks."""
        if not arrived:
            return {}
        size, path = arrived[min(number, len(arrived) - 1)]
        note = f"<b>The first {format_size(size)}:</b> the base stream and {counted(number, 'block')}."
        return {self.note: f'<p class="note">{note}</p>', self.picture: gr.Image(value=path, visible=True)}
