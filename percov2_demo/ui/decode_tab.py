"""A `.pcv2` file back to a photo."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.bitstream import Bitstream
from percov2_demo.presets import get_preset
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling
from percov2_demo.ui.breakdown import breakdown_html, fields_html, file_text_html
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.files import format_size, png_bytes, safe_stem, save_download
from percov2_demo.ui.pictures import journey_html
from percov2_demo.ui.sampling import MODEL_QUEUE, PAGE_EVENT, SamplingControls, paint
from percov2_demo.ui.scripts import scroll_script


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

Updates = dict[Component, Any]


class DecodeTab:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "PerCoV2Pipeline"):
        self._pipeline = pipeline
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self._create_inputs()
            with gr.Column(scale=8, min_width=320, elem_id="decode-result"):
                self._create_result()
        self._connect()

    def _create_inputs(self) -> None:
        self.file = gr.File(label="A .pcv2 file", file_types=[".pcv2"], height=140, elem_id="stream-file")
        self.decode_button = gr.Button("Decode", variant="primary", elem_classes="main-action")
        with gr.Group():
            self.sampling = SamplingControls.create(self._pipeline.default_strength(self._pipeline.presets[0]))

    def _create_result(self) -> None:
        self.welcome = gr.HTML(_welcome_html())
        with gr.Column(visible=False) as self.result:
            self.fields = gr.HTML()
            self.picture = gr.Image(
                label="Decoded picture",
                format="png",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="decoded",
                alt_text="The photo painted from the file",
            )
            self.picture_download = gr.DownloadButton("Download PNG", interactive=False)
            self.stop_button = gr.Button("Stop", variant="stop", visible=False)
            self.breakdown = gr.HTML()

    def _connect(self) -> None:
        panels = [self.welcome, self.result]
        results = [self.fields, self.picture, self.picture_download, self.breakdown]
        buttons = [self.decode_button, self.stop_button, self.picture_download]

        reading = self.file.upload(
            friendly(self.read), self.file, [*panels, *results, self.sampling.strength], **PAGE_EVENT
        )
        for forgetting in (self.file.clear, reading.failure):
            forgetting(self.forget, outputs=[self.file, *panels], **PAGE_EVENT)
        started = self.decode_button.click(friendly(self.start), self.file, [self.picture, *buttons], **PAGE_EVENT)
        started.success(None, js=scroll_script("decode-result"), **PAGE_EVENT)
        running = started.success(
            friendly(self.run),
            [self.file, *self.sampling.components],
            [self.picture, self.picture_download],
            show_progress_on=self.picture,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        running.then(self.rest, outputs=buttons, **PAGE_EVENT)
        self.stop_button.click(self.rest, outputs=buttons, cancels=[running], **PAGE_EVENT)

    def read(self, path: str) -> Updates:
        """Shows what a file says, before anything is painted."""
        stream = self._pipeline.read(path)
        data = Path(path).read_bytes()
        preset = get_preset(stream.preset)
        return {
            self.welcome: gr.HTML(visible=False),
            self.result: gr.Column(visible=True),
            self.fields: fields_html(_fields(stream, len(data))),
            self.picture: None,
            self.picture_download: gr.DownloadButton(value=None, interactive=False),
            self.breakdown: breakdown_html(RateReport.from_bitstream(stream), preset) + file_text_html(data),
            self.sampling.strength: self._pipeline.default_strength(stream.preset),
        }

    def forget(self) -> Updates:
        """The tab as it is without a file."""
        return {self.file: None, self.welcome: gr.HTML(visible=True), self.result: gr.Column(visible=False)}

    def start(self, path: str | None) -> Updates:
        """Clears the last picture and shows the Stop button."""
        if path is None:
            raise gr.Error("Choose a .pcv2 file first.", print_exception=False)
        return {
            self.picture: None,
            self.picture_download: gr.DownloadButton(value=None, interactive=False, visible=False),
            self.decode_button: gr.Button(interactive=False),
            self.stop_button: gr.Button(visible=True),
        }

    def run(
        self,
        path: str,
        steps: int,
        guidance_scale: float,
        strength: float,
        seed: int | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio asks for it)
    ) -> Iterator[Updates]:
        """Paints the picture that the file describes."""
        stream = self._pipeline.read(path)
        settings = Sampling(steps, guidance_scale, strength, seed)
        picture = yield from paint(self._pipeline, stream, settings, progress)
        png = save_download(png_bytes(picture), f"{safe_stem(path)}.png")
        yield {self.picture: png, self.picture_download: gr.DownloadButton(value=png, interactive=True)}

    def rest(self) -> Updates:
        """The buttons as they are while nothing runs."""
        return {
            self.decode_button: gr.Button(interactive=True),
            self.stop_button: gr.Button(visible=False),
            self.picture_download: gr.DownloadButton(visible=True),
        }


def _welcome_html() -> str:
    steps = {
        "grid": "<b>Nothing but the file</b> The decoder gets a grid of indices and a caption, if there is one.",
        "painting": "<b>Same seed, same picture</b> The file, the settings and the seed determine the picture.",
        "photo": "<b>Another seed, another picture</b> What the file leaves open is painted anew.",
    }
    return f'<section class="welcome"><h2>From bytes to a photo</h2>{journey_html(steps)}</section>'


def _coding(stream: Bitstream) -> str:
    if stream.version == 1:
        return "packed"
    steps = "" if stream.entropy_steps is None else f" in {stream.entropy_steps} steps"
    withheld = "" if stream.withheld is None else f", {stream.withheld.sent} groups sent and the others drawn"
    return f"{stream.entropy}{steps}{withheld}"


def _fields(stream: Bitstream, size: int) -> list[tuple[str, str]]:
    rows, columns = get_preset(stream.preset).grid(stream.width, stream.height)
    return [
        ("File", format_size(size)),
        ("Picture", f"{stream.width}×{stream.height}"),
        ("Preset", stream.preset),
        ("Grid", f"{columns}×{rows}"),
        ("Codebook", str(get_preset(stream.preset).codebook_size)),
        ("Coding of the indices", _coding(stream)),
        ("Model", f"{stream.model:02x}"),
        ("Caption", stream.caption or "none"),
    ]
