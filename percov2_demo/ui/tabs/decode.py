"""A `.pcv2` file, its text or its link back to a photo."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_BYTES, MAX_CAPTION_BYTES
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import get_preset
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.controls.sampling import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS, SamplingControls
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, READING_EVENT, STATE_LIFETIME_SECONDS, Updates, connect_end
from percov2_demo.ui.jobs.painting import paint
from percov2_demo.ui.links import CAPTION, PARAMETER, changed_settings, link_to, read_settings, read_stream_text
from percov2_demo.ui.panels.headline import headline_html
from percov2_demo.ui.panels.link import create_link, link_html
from percov2_demo.ui.panels.progress import create_progress, loading_html, progress_clock, rest_html
from percov2_demo.ui.render.breakdown import breakdown_html, breakdown_summary, fields_html, stream_fields
from percov2_demo.ui.scripts import scroll_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import png_bytes, safe_stem, save_download, save_thumbnail
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.run import CaptionSource, Run, next_number
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from gradio.events import Dependency

    from percov2_demo.pipelines.codec import Codec

DECODE_TAB = "decode"
"""The tab's identity, by which a link selects it."""

_HIGHEST = Sampling(MAX_STEPS, MAX_GUIDANCE_SCALE, 1.0, MAX_SEED, hold=1.0)


@dataclass(frozen=True)
class ReceivedFile:
    """A stream that a visitor gave.

    Attributes:
        data: The `.pcv2` file; it was read once without error.
        stem: Its name, for the names of what is made of it.
    """

    data: bytes
    stem: str


class DecodeTab:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
        tabs: The tabs that it is among, as `DECODE_TAB`.
    """

    def __init__(self, pipeline: "Codec", session: Session, tabs: gr.Tabs):
        self._pipeline = pipeline
        self._session = session
        self._tabs = tabs
        self.received = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        self.asked = gr.Textbox(visible="hidden", show_label=False)
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self._create_inputs()
            with gr.Column(scale=8, min_width=320, elem_id="decode-result"):
                self._create_result()
        self._connect()

    def _create_inputs(self) -> None:
        self.file = gr.File(label="A .pcv2 file", file_types=[".pcv2"], height=140, elem_id="stream-file")
        self.text = gr.Textbox(
            label="Or its text, or its link",
            placeholder="Paste it here",
            max_lines=4,
            submit_btn="Open",
            elem_id="stream-text",
        )
        self.caption = gr.Textbox(
            label="Caption",
            info="The file's own. Replace it: same spatial bits, another picture.",
            max_lines=3,
            max_length=MAX_CAPTION_BYTES,
            elem_id="decode-caption",
        )
        self.decode_button = gr.Button("Decode", variant="primary", elem_classes="main-action")
        self.sampling = SamplingControls.create(
            self._pipeline, self._pipeline.default_strength(self._pipeline.presets[0])
        )

    def _create_result(self) -> None:
        self.welcome = gr.HTML(render("tabs/decode_welcome.html"))
        with gr.Column(visible=False) as self.result:
            self.headline = gr.HTML(elem_classes="headline")
            self.picture = gr.Image(
                label="Decoded picture",
                format="png",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="decoded",
                alt_text="The photo painted from the file",
            )
            with gr.Row(elem_classes="painting"):
                self.progress = create_progress()
                self.stop_button = gr.Button("Stop", variant="stop", scale=0, min_width=110, visible=False)
            with gr.Row(elem_classes="downloads"):
                self.picture_download = gr.DownloadButton("Download PNG", interactive=False)
                self.json_download = gr.DownloadButton("Download JSON of the run", interactive=False)
            with gr.Accordion("What the file says", open=False, elem_classes="fold") as self.fields_fold:
                self.fields = gr.HTML()
            with gr.Accordion("Bytes", open=False, elem_classes="fold") as self.breakdown_fold:
                self.breakdown = gr.HTML()
            with gr.Accordion("Link and QR code", open=False, elem_classes="fold"):
                self.link = create_link()

    def _connect(self) -> None:
        read = friendly(self.read_file)
        reading = self.file.upload(read, [self.file, self._session.address], self._shown, **READING_EVENT)
        for forgetting in (self.file.clear, reading.failure):
            forgetting(self.forget, outputs=[self.file, self.received, self.welcome, self.result], **PAGE_EVENT)
        self.text.submit(
            friendly(self.read_text), [self.text, self._session.address], [self.file, *self._shown], **READING_EVENT
        )
        opened = friendly(self.open_link)
        outputs = [self._tabs, self._session.linked, *self._shown, *self.sampling.components]
        # Apart from reading it, so that a page without a link does not wait for the model.
        self._session.demo.load(find_link, outputs=self.asked, **PAGE_EVENT)
        self.asked.change(opened, self._session.address, outputs, js=self._session.address_script, **READING_EVENT)
        for trigger in (self.decode_button.click, self._session.linked.change):
            self._connect_run(trigger)
        self.stop_button.click(lambda: rest_html("", "Stopped."), outputs=self.progress, **PAGE_EVENT)

    def _connect_run(self, trigger: Callable[..., "Dependency"]) -> None:
        started = trigger(
            friendly(self.start), self.received, [self.picture, self.progress, *self._at_rest], **PAGE_EVENT
        )
        started.success(None, js=scroll_script("decode-result"), **PAGE_EVENT)
        running = started.success(
            friendly(self.run),
            [self.received, self._session.runs, self._session.address, self.caption, *self.sampling.components],
            [
                *(self.progress, self.picture, self.picture_download, self.json_download),
                *(self.headline, self.link, self._session.runs),
            ],
            show_progress_on=self.progress,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        connect_end(running, self.stop_button, self.rest, outputs=self._at_rest)

    @property
    def _shown(self) -> list[Component]:
        folds = [self.fields_fold, self.fields, self.breakdown_fold, self.breakdown, self.link]
        panels = [self.received, self.welcome, self.result, self.headline, self.picture, self.progress, *folds]
        return [*panels, self.picture_download, self.json_download, self.caption, self.sampling.strength]

    @property
    def _at_rest(self) -> list[Component]:
        return [self.decode_button, self.stop_button]

    def read_file(self, path: str, address: str) -> Updates:
        """Show what a file says, before anything is painted."""
        with open(path, "rb") as file:
            return self._show(ReceivedFile(file.read(MAX_BYTES + 1), safe_stem(path)), address)

    def read_text(self, text: str, address: str) -> Updates:
        """Show what a pasted text or link says."""
        return {self.file: None, **self._show(ReceivedFile(read_stream_text(text), "picture"), address)}

    def open_link(self, address: str, request: gr.Request) -> Updates:
        """Show what the page's address says, if it carries a stream, and have it painted."""
        text = request.query_params.get(PARAMETER)
        if text is None:
            return gr.skip()
        query = request.query_params
        received = ReceivedFile(read_stream_text(text), "picture")
        shown = self._show(received, address)
        usual = self._usual(self._pipeline.read(received.data).preset)
        settings = read_settings(query, usual, _HIGHEST, self._pipeline.painters.names)
        caption = {self.caption: query[CAPTION][:MAX_CAPTION_BYTES]} if CAPTION in query else {}
        return {
            self._tabs: gr.Tabs(selected=DECODE_TAB),
            self._session.linked: text,
            **shown,
            **self.sampling.restore(settings),
            **caption,
        }

    def _usual(self, preset: str) -> Sampling:
        return self._pipeline.painters.own.settle(preset)

    def _show(self, received: ReceivedFile, address: str) -> Updates:
        stream = self._pipeline.read(received.data)
        report = RateReport.from_bitstream(stream)
        says = f"What the file says: “{stream.caption}”" if stream.caption else "What the file says: no words"
        return {
            self.received: received,
            self.welcome: gr.HTML(visible=False),
            self.result: gr.Column(visible=True),
            self.headline: headline_html(report, (stream.width, stream.height)),
            self.fields_fold: gr.Accordion(label=says),
            self.fields: fields_html(stream_fields(stream, len(received.data))),
            self.picture: None,
            self.progress: rest_html("Press Decode to paint it."),
            self.picture_download: gr.DownloadButton(value=None, interactive=False),
            self.json_download: gr.DownloadButton(value=None, interactive=False),
            self.breakdown_fold: gr.Accordion(label=breakdown_summary(report)),
            self.breakdown: breakdown_html(report, get_preset(stream.preset)),
            self.link: link_html(link_to(address, received.data), received.data),
            self.caption: stream.caption,
            self.sampling.strength: self._pipeline.stream_strength(stream),
        }

    def forget(self) -> Updates:
        """Return the tab as it is without a file."""
        panels = {self.welcome: gr.HTML(visible=True), self.result: gr.Column(visible=False)}
        return {self.file: None, self.received: None, **panels}

    def start(self, received: ReceivedFile | None) -> Updates:
        """Clear the last picture and show the Stop button."""
        if received is None:
            raise gr.Error("Choose a .pcv2 file first, or paste its text or link.", print_exception=False)
        return {
            self.picture: None,
            self.progress: "",
            self.decode_button: gr.Button(interactive=False),
            self.stop_button: gr.Button(visible=True),
        }

    def run(
        self,
        received: ReceivedFile,
        runs: Sequence[Run],
        address: str,
        caption: str,
        *sampling: Any,
    ) -> Iterator[Updates]:
        """Paint the picture that the file describes, with the visitor's caption where it is another.

        Args:
            received: The file.
            last_run: The session's last run.
            caption: What the caption box holds.
            *sampling: Values of the sampling controls.
        """
        started = time.perf_counter()
        stream = self._pipeline.read(received.data)
        settings = self.sampling.settings(*sampling)
        caption = caption.strip()
        is_replaced = caption != stream.caption
        replacement = caption if is_replaced else None
        told = progress_clock(settings.steps)

        def show(step: int, preview: Image.Image | None) -> Updates:
            shown = {} if preview is None else {self.picture: save_download(png_bytes(preview), "preview.png")}
            return {self.progress: told(step), **shown}

        yield show(0, None)
        painted = yield from paint(
            self._pipeline,
            stream,
            settings,
            caption=replacement,
            show=show,
            show_loading=lambda loading: {self.progress: loading_html(loading)},
        )
        picture = painted.picture
        png = save_download(png_bytes(picture), f"{received.stem}.png")
        source: CaptionSource = "none" if not caption else "custom" if is_replaced else "file"
        number = next_number(runs)
        run = Run(
            number=number,
            job=number,
            name=received.stem,
            preset=stream.preset,
            caption=caption,
            caption_source=source,
            sampling=settings,
            stream=received.data,
            fields=stream.to_dict(),
            rates=RateReport.from_bitstream(stream),
            metrics={"agreement": painted.agreement},
            picture=png,
            original=None,
            thumbnail=save_thumbnail(picture),
            seconds=time.perf_counter() - started,
        )
        yield {
            self.picture: png,
            self.picture_download: gr.DownloadButton(value=png, interactive=True),
            self.json_download: gr.DownloadButton(
                value=save_download(run.to_json(), f"{received.stem}.json"), interactive=True
            ),
            self.progress: rest_html(f"Decoded in {run.seconds:.1f} s."),
            self.link: link_html(self._link(received, settings, replacement, stream.preset, address), received.data),
            self._session.runs: (run,),
        }

    def _link(self, received: ReceivedFile, settings: Sampling, caption: str | None, preset: str, address: str) -> str:
        changed = changed_settings(settings, self._usual(preset))
        return link_to(address, received.data, changed | ({} if caption is None else {CAPTION: caption}))

    def rest(self) -> Updates:
        """Return the buttons as they are while nothing runs."""
        return {self.decode_button: gr.Button(interactive=True), self.stop_button: gr.Button(visible=False)}


def find_link(request: gr.Request) -> str:
    """Find the text of the stream that the page's address carries; empty without."""
    return request.query_params.get(PARAMETER) or ""
