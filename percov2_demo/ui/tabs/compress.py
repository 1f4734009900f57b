"""The landing page: a photo to a `.pcv2` file and back."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream.rates import RateReport
from percov2_demo.ui.controls.caption import CaptionControls
from percov2_demo.ui.controls.coding import CodingControls
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.controls.sampling import SamplingControls
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS, connect_end
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.painting import paint
from percov2_demo.ui.panels.progress import progress_clock
from percov2_demo.ui.panels.result import ResultPanel
from percov2_demo.ui.pictures import journey_html
from percov2_demo.ui.render.maps import maps_html
from percov2_demo.ui.render.metrics import pair_metrics
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.scripts import lookup_script, scroll_script, stale_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import kept_file, png_bytes, save_download, save_thumbnail
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.run import Origin, Run, next_number


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

Updates = dict[Component, Any]

COMPRESS_TAB = "compress"
"""The tab's identity, by which it is selected."""


class CompressTab:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
    """

    def __init__(self, pipeline: "Codec", session: Session):
        self._pipeline = pipeline
        self._session = session
        self.fitted = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self._create_inputs()
            with gr.Column(scale=8, min_width=320, elem_id="compress-result"):
                self.welcome = gr.HTML(_welcome_html(self._pipeline.painter))
                self.result = ResultPanel()
        self._connect()

    def _create_inputs(self) -> None:
        examples = example_photos()
        self.photo = PhotoInput("", self._pipeline.max_side, height=190, invitation="Drop a photo here, paste it")
        self.caption = CaptionControls(self._pipeline, [caption for _, caption in examples])
        self.coding = CodingControls(self._pipeline)
        self.photo.offer(
            [[photo, caption, "custom"] for photo, caption in examples], [self.caption.text, self.caption.source]
        )
        self.coding.preset.render()
        self.caption.render(self.photo.image)
        self.compress_button = gr.Button("Compress", variant="primary", elem_classes="main-action", elem_id="compress")
        with gr.Accordion("Painting", open=False):
            self.sampling = SamplingControls.create(
                self._pipeline, self._pipeline.default_strength(self._pipeline.presets[0])
            )
        with gr.Accordion("Advanced: coding and fit", open=False):
            self.coding.render_advanced()

    def _connect(self) -> None:
        strengths = {name: self._pipeline.default_strength(name) for name in self._pipeline.presets}
        # On a visitor's choice alone: an earlier run brings its own strength.
        self.coding.preset.input(
            None, self.coding.preset, self.sampling.strength, js=lookup_script(strengths), **PAGE_EVENT
        )
        prepared = gr.on(
            [self.compress_button.click, self.caption.text.submit],
            friendly(self.prepare),
            [self.photo.image, self.coding.fit],
            [self.fitted, self.welcome, self.compress_button, *self.result.components],
            preprocess=False,
            **PAGE_EVENT,
        )
        self.photo.image.change(None, js=stale_script("compress-result", True), **PAGE_EVENT)
        prepared.success(None, js=stale_script("compress-result", False), **PAGE_EVENT)
        prepared.success(None, js=scroll_script("compress-result"), **PAGE_EVENT)
        running = prepared.success(
            friendly(self.run),
            {self.fitted, self._session.last_run, self._session.address, *self._settings},
            [self.caption.text, self._session.last_run, *self.result.components],
            show_progress_on=self.result.progress,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        at_rest = [self.compress_button, *self.result.buttons]
        connect_end(running, self.result.stop, self.rest, outputs=at_rest)

    @property
    def _settings(self) -> list[Component]:
        return [*self.caption.components, *self.coding.components, *self.sampling.components]

    @property
    def restorable(self) -> list[Component]:
        """Outputs for an event whose handler uses `restore`."""
        return [self.photo.image, self.coding.fit, *self._settings]

    def restore(self, run: Run) -> Updates:
        """The controls as they were in a run, and its photo where gradio still keeps it.

        A run of a file has no photo: the one that is chosen stays, with its fit.
        """
        photo = run.origin and kept_file(run.origin.photo)
        return {
            **({self.photo.image: photo} if photo else {}),
            **self.coding.restore(run.preset, run.origin),
            **self.caption.restore(run.caption),
            **self.sampling.restore(run.sampling),
        }

    def prepare(self, photo: dict[str, Any] | None, fit: str) -> Updates:
        """Reads and fits the photo, shows it at once, and clears what an earlier run left.

        Args:
            photo: The image component's raw value, see `PhotoInput`.
            fit: Name of the fit.
        """
        fitted = self.photo.read(photo, fit)
        size = format_size(fitted.original_bytes, before_noun=True)
        headline = f"<h2>Your {size} photo …</h2><p>Writing the file</p>"
        return {
            self.fitted: fitted,
            self.welcome: gr.HTML(visible=False),
            self.compress_button: gr.Button(interactive=False),
            **self.result.begin(headline, fitted.path, fitted.size),
        }

    def run(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        """Writes the file and shows its size, then paints the photo back from it.

        Args:
            values: What all the inputs hold.
        """
        started = time.perf_counter()
        photo: FittedPhoto = values[self.fitted]
        settings = self.sampling.settings(*(values[component] for component in self.sampling.components))
        original = photo.open()
        caption, source = self.caption.resolve(original, *(values[part] for part in self.caption.components))
        if source == "auto":
            yield {self.caption.text: caption}
        options = self.coding.compress_options(values, original.size)
        seconds = gpu.reserved_seconds()
        stream = gpu.call(self._pipeline, seconds, "compress", original, caption=caption, **options)
        data = stream.to_bytes()
        report = RateReport.from_bitstream(stream, photo.original_bytes)
        name = f"{photo.stem}-{stream.preset}"
        yield self.result.show_file(name, data, stream, report, values[self._session.address])
        told = progress_clock(settings.steps)

        def show(step: int, preview: Image.Image | None) -> Updates:
            return self.result.show_step(photo.path, told(step), preview)

        yield show(0, None)
        picture = yield from paint(self._pipeline, stream, settings, show=show)
        run = Run(
            number=next_number(values[self._session.last_run]),
            preset=stream.preset,
            caption=caption,
            caption_source=source,
            sampling=settings,
            stream=data,
            fields=stream.to_dict(),
            rates=report,
            picture=save_download(png_bytes(picture), f"{name}.png"),
            original=photo.path,
            thumbnail=save_thumbnail(picture),
            seconds=time.perf_counter() - started,
            metrics=pair_metrics(original, picture),
            origin=Origin(
                photo.received, photo.fit, values[self.coding.entropy], withheld=values[self.coding.withheld]
            ),
        )
        # The entropy model runs once more for the maps, so they come last.
        maps = maps_html(stream, self._pipeline.information(stream), photo.path)
        yield {self._session.last_run: run, **self.result.show_run(run, name, maps)}

    def rest(self) -> Updates:
        """The buttons as they are while nothing runs."""
        return {self.compress_button: gr.Button(interactive=True), **self.result.rest()}


def _welcome_html(painter: str) -> str:
    steps = {
        "photo": "<b>Look</b> An encoder reduces the photo to a coarse grid of tokens.",
        "grid": "<b>Write</b> The tokens and a short caption are all that the file holds.",
        "painting": f"<b>Paint</b> A {painter} paints a photo that agrees with both.",
    }
    return (
        '<section class="welcome"><h2>How small can a photo get?</h2>'
        "<p>Choose a photo, press Compress, and see it painted back from a file that fits in a text message.</p>"
        f"{journey_html(steps)}"
        '<p class="scale">For scale: a JPEG file spends about 600 bytes on headers and tables before its first pixel.'
        "</p></section>"
    )
