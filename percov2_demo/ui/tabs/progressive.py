"""A refined file as it arrives: what its first bytes show."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from percov2_demo.checkpoints.folders import typical_sizes
from percov2_demo.errors import InputError
from percov2_demo.sweeps import Outcome, Trial
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.controls.size import SizeControl, bytes_at, position_of
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.jobs.refining import receive, refine
from percov2_demo.ui.render.metrics import pair_metrics
from percov2_demo.ui.render.note import note_html
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import png_bytes, save_download
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.recording import record
from percov2_demo.ui.session.run import DEFAULT_ENTROPY, Origin, Run, next_number
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

Arrived = tuple[int, str]
"""Bytes of the file so far, and the path of the picture that they give."""


class Progressive:
    """Its components and handlers.

    Args:
        pipeline: The codec.
        session: What the tabs share.
        photo: The photo's input.
        caption: The caption's component.
    """

    def __init__(self, pipeline: "Codec", session: Session, photo: PhotoInput, caption: gr.Textbox):
        self._pipeline, self._session, self._photo = pipeline, session, photo
        self._arrived = gr.State([], time_to_live=STATE_LIFETIME_SECONDS)
        gr.HTML(render("tabs/progressive.html"))
        sizes = typical_sizes(pipeline.name_or_path)
        self.size = SizeControl("progressive-size", sizes, position_of(2000), optional=False)
        self.button = gr.Button("Refine and receive", variant="primary")
        self.received = gr.Slider(0, 1, 0, step=1, label="Blocks received", elem_id="blocks", visible=False)
        self.note = gr.HTML()
        self.picture = gr.Image(
            label="What the bytes received show", type="filepath", format="png", visible=False, buttons=[]
        )
        self.button.click(
            friendly(self.receive),
            [photo.image, caption, self.size.slider, session.runs],
            [self._arrived, self.received, self.note, self.picture, session.runs],
            preprocess=False,
            show_progress_on=self.note,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        self.received.input(self.show, [self._arrived, self.received], [self.note, self.picture], **PAGE_EVENT)

    def receive(
        self, photo: dict[str, Any] | None, caption: str | None, position: int, runs: Sequence[Run]
    ) -> Iterator[Updates]:
        """Refines the photo, then decodes the file block by block.

        Args:
            photo: The image component's raw value.
            caption: Text that travels in the file.
            position: The size slider's.
            runs: The session's last runs; the picture of all blocks joins them.
        """
        started = time.perf_counter()
        fitted = self._photo.read(photo)
        picture = fitted.open()
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
        settings = self._pipeline.painters.own.settle(stream.preset, strength=self._pipeline.stream_strength(stream))
        metrics = pair_metrics(picture, shown) | {"agreement": self._pipeline.agreement(stream, shown)}
        trial = Trial(stream.preset, stream.caption, settings)
        outcome = Outcome(trial, stream, shown, metrics, time.perf_counter() - started)
        number = next_number(runs)
        origin = Origin(fitted.received, fitted.fit, DEFAULT_ENTROPY, withheld=0, target=position)
        yield {self._session.runs: (record(outcome, fitted, number, number, origin=origin),)}

    def show(self, arrived: list[Arrived], number: int) -> Updates:
        """Return the picture after so many blocks."""
        if not arrived:
            return {}
        size, path = arrived[min(number, len(arrived) - 1)]
        note = note_html(f"the base stream and {counted(number, 'block')}.", lead=f"The first {format_size(size)}:")
        return {self.note: note, self.picture: gr.Image(value=path, visible=True)}
