"""The caption: who writes it, what it says, and what it costs."""

from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES, compress_caption
from percov2_demo.checkpoints.folders import captioner_results
from percov2_demo.errors import InputError
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.events import PAGE_EVENT, READING_EVENT, Updates
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.scripts import constant_script, forget_script
from percov2_demo.ui.server.errors import sentence
from percov2_demo.ui.session.run import CaptionSource
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

_SOURCES: dict[CaptionSource, str] = {"auto": "Automatic", "custom": "My own", "none": "None"}


class CaptionControls:
    """The components of the caption; created without a place, see `render`.

    Args:
        pipeline: The codec.
        examples: Captions of the example photos, which leave with their photo.
    """

    def __init__(self, pipeline: "Codec", examples: list[str]):
        self._pipeline = pipeline
        self._examples = examples
        self._remark = captioner_remark(pipeline)
        sources: list[CaptionSource] = list(_SOURCES) if pipeline.has_captioner else ["custom", "none"]
        self._first_source = sources[0]
        self.source = gr.Radio(
            [(_SOURCES[source], source) for source in sources],
            value=sources[0],
            label="Caption",
            render=False,
        )
        self.text = gr.Textbox(
            "",
            show_label=False,
            label="Caption's text",
            placeholder="a red fox asleep in the snow",
            elem_id="caption",
            lines=1,
            max_lines=3,
            max_length=MAX_CAPTION_BYTES,
            render=False,
        )
        self.cost = gr.HTML(self.count(sources[0], ""), elem_id="caption-cost", render=False)

    @property
    def components(self) -> list[Component]:
        """Inputs for an event whose handler asks `resolve`."""
        return [self.source, self.text]

    def render(self, photo: PhotoInput) -> None:
        """Lay the controls out in the current context.

        Args:
            photo: The photo that the caption is of, with its examples.
        """
        with gr.Group(elem_classes="caption-controls"):
            self.source.render()
            self.text.render()
            self.cost.render()
        self.text.input(None, outputs=self.source, js=constant_script("custom"), **PAGE_EVENT)
        photo.let_leave(self.components, forget_script(self._examples, self._first_source))
        photo.examples.click(
            self.offer_example, [photo.examples, *self.components], [self.text, self.source], **PAGE_EVENT
        )
        self.source.change(self.offer_text, self.source, self.text, **PAGE_EVENT)
        gr.on(
            [self.text.change, self.source.change],
            self.count,
            self.components,
            self.cost,
            trigger_mode="always_last",
            **READING_EVENT,
        )

    def offer_example(
        self, example: tuple[int, list[Any]], source: CaptionSource, text: str
    ) -> tuple[str, CaptionSource]:
        """Give an example its caption, unless the visitor wrote one."""
        if source == "custom" and text and text not in self._examples:
            return text, source
        return self._examples[example[0]], "custom"

    def offer_text(self, source: CaptionSource) -> gr.Textbox:
        """Return the text box, where there is to be a text."""
        return gr.Textbox(visible=source != "none")

    def count(self, source: CaptionSource, text: str) -> str:
        """Return what the text costs in this model's files, in words, and what an automatic one is worth."""
        text = "" if source == "none" else text.strip()
        size, in_papers, refused = 0, 0, ""
        try:
            if text:
                size, in_papers = self._pipeline.caption_bytes(text), len(compress_caption(text, "zlib"))
        except InputError as error:
            refused = sentence(error)
        return render(
            "controls/caption_cost.html",
            is_automatic=source == "auto",
            remark=self._remark if source == "auto" else "",
            refused=refused,
            letters=len(text),
            size=format_size(size),
            zlib_bytes=in_papers,
        )

    def choose(self, caption: str | None) -> Updates:
        """Return updates to a caption; None is the model's own, or none where it has no captioner."""
        source = "custom" if caption else "auto" if caption is None and self._pipeline.has_captioner else "none"
        return {self.source: source, self.text: caption or ""}

    def restore(self, caption: str, source: CaptionSource) -> Updates:
        """Return updates to an earlier run's caption and to who wrote it; a file's is the visitor's choice now."""
        return {self.source: "custom" if source == "file" and caption else source, self.text: caption}

    def resolve(self, image: Image.Image, source: CaptionSource, text: str) -> tuple[str, CaptionSource]:
        """Return the caption and who wrote it.

        Args:
            image: The photo.
            source: Who is to write it.
            text: What the visitor wrote.
        """
        if source == "auto":
            text = gpu.call(self._pipeline, gpu.reserved_seconds(), "caption", image)
        caption = "" if source == "none" else text.strip()
        return caption, source if caption else "none"


def captioner_remark(pipeline: "Codec") -> str:
    """Return how often the captioner is right, as it was measured; empty where it was not."""
    measured = captioner_results(pipeline.name_or_path)
    if measured is None or not pipeline.has_own_captioner:
        return ""
    return (
        f"Often wrong: of {measured['photos']} photos like those it was trained on, "
        f"{100 * measured['content_overlap']:.0f} % got a caption that shares a content word with one people wrote, "
        "and of other photos fewer do."
    )
