"""The landing page: a photo to a `.pcv2` file and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES, Bitstream
from percov2_demo.images import FITS, fit_image, load_image
from percov2_demo.presets import NOMINAL_SIDE, Preset, get_preset
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling
from percov2_demo.ui.breakdown import breakdown_html, file_text_html
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.files import format_size, png_bytes, received_path, safe_stem, save_download
from percov2_demo.ui.metrics import local_lpips, metrics_html
from percov2_demo.ui.pictures import journey_html
from percov2_demo.ui.sampling import MODEL_QUEUE, PAGE_EVENT, SamplingControls, paint
from percov2_demo.ui.scripts import forget_script, lookup_script, scroll_script


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

Updates = dict[Component, Any]

_FIT_LABELS = {
    "native": "Native: keep the aspect ratio",
    "crop": f"Crop: the middle, {NOMINAL_SIDE}×{NOMINAL_SIDE}",
    "squash": f"Squash: stretch to {NOMINAL_SIDE}×{NOMINAL_SIDE}, the papers' protocol",
}


@dataclass(frozen=True)
class FittedPhoto:
    """A visitor's photo, ready to be encoded.

    Attributes:
        path: The photo after the fit, a PNG file.
        stem: Its name, for the names of what is made of it.
        original_bytes: Size of the file that the visitor gave.
    """

    path: str
    stem: str
    original_bytes: int


class CompressTab:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "PerCoV2Pipeline"):
        self._pipeline = pipeline
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self._create_inputs()
            with gr.Column(scale=8, min_width=320, elem_id="compress-result"):
                self._create_result()
        self._connect()

    def _create_inputs(self) -> None:
        presets = [get_preset(name) for name in self._pipeline.presets]
        self.photo = gr.Image(
            label="Photo",
            type="filepath",
            format="png",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            buttons=["fullscreen"],
            height=250,
            placeholder="Drop a photo here\n- or -\nclick to choose one",
            elem_id="photo",
            alt_text="The chosen photo",
        )
        self.caption = gr.Textbox(
            label="Caption",
            info="Travels in the file and guides the painting. Leave it empty for none.",
            placeholder="a red fox asleep in the snow",
            elem_id="caption",
            lines=1,
            max_lines=3,
            max_length=MAX_CAPTION_BYTES,
            render=False,
        )
        gr.Examples(
            example_photos(),
            [self.photo, self.caption],
            label="Or try one of these",
            visible_columns=[0],
            api_visibility="private",
            elem_id="examples",
        )
        self.preset = gr.Radio(
            [(_preset_label(preset), preset.name) for preset in presets],
            value=presets[0].name,
            label="Preset",
            info=f"Grid of a {NOMINAL_SIDE}×{NOMINAL_SIDE} photo, and its index bytes before entropy coding.",
            elem_classes="preset-cards",
        )
        self.caption.render()
        self.compress_button = gr.Button("Compress", variant="primary", elem_classes="main-action")
        with gr.Accordion("Advanced", open=False):
            self.sampling = SamplingControls.create(self._pipeline.default_strength(presets[0].name))
            self.fit = gr.Radio([(_FIT_LABELS[fit], fit) for fit in FITS], value=FITS[0], label="Fit")

    def _create_result(self) -> None:
        self.fitted = gr.State(None, time_to_live=3600)
        self.welcome = gr.HTML(_welcome_html())
        with gr.Column(visible=False) as self.result:
            self.headline = gr.HTML(elem_classes="headline")
            with gr.Row(elem_classes="pictures", equal_height=True):
                self.original = gr.Image(
                    label="Original, as the codec sees it",
                    format="png",
                    interactive=False,
                    buttons=["fullscreen"],
                    min_width=260,
                    alt_text="The original photo",
                )
                self.reconstruction = gr.Image(
                    label="Reconstruction",
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    min_width=260,
                    elem_id="reconstruction",
                    alt_text="The photo painted back from the file",
                )
            with gr.Row():
                self.stream_download = gr.DownloadButton("Download .pcv2", variant="primary", interactive=False)
                self.picture_download = gr.DownloadButton("Download PNG", interactive=False)
                self.stop_button = gr.Button("Stop", variant="stop", visible=False)
            self.breakdown = gr.HTML()
            self.metrics = gr.HTML()

    def _connect(self) -> None:
        results = [self.headline, self.original, self.reconstruction, self.stream_download]
        results += [self.metrics, self.breakdown]
        buttons = [self.compress_button, self.stop_button, self.picture_download]

        checked = self.photo.upload(friendly(self.check), self.photo, preprocess=False, **PAGE_EVENT)
        checked.failure(lambda: None, outputs=self.photo, **PAGE_EVENT)
        # An example's caption does not fit the visitor's own photo.
        captions = [caption for _, caption in example_photos()]
        self.photo.input(None, self.caption, self.caption, js=forget_script(captions), **PAGE_EVENT)
        strengths = {name: self._pipeline.default_strength(name) for name in self._pipeline.presets}
        self.preset.change(None, self.preset, self.sampling.strength, js=lookup_script(strengths), **PAGE_EVENT)
        prepared = gr.on(
            [self.compress_button.click, self.caption.submit],
            friendly(self.prepare),
            [self.photo, self.fit],
            [self.fitted, self.welcome, self.result, *results, *buttons],
            preprocess=False,
            **PAGE_EVENT,
        )
        prepared.success(None, js=scroll_script("compress-result"), **PAGE_EVENT)
        running = prepared.success(
            friendly(self.run),
            [self.fitted, self.preset, self.caption, *self.sampling.components],
            [*results, self.picture_download],
            show_progress_on=self.reconstruction,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        running.then(self.rest, outputs=buttons, **PAGE_EVENT)
        self.stop_button.click(self.rest, outputs=buttons, cancels=[running], **PAGE_EVENT)

    def check(self, photo: dict[str, Any]) -> None:
        """Raises what is wrong with a photo as soon as it is chosen; its value is raw, see `prepare`."""
        load_image(received_path(photo))

    def prepare(self, photo: dict[str, Any] | None, fit: str) -> Updates:
        """Reads and fits the photo, shows it at once, and clears what an earlier run left.

        Args:
            photo: The image component's raw value: gradio would fail on a damaged photo before it reached us.
            fit: Name of the fit.
        """
        if not photo:
            raise gr.Error("Choose a photo first.", print_exception=False)
        path = received_path(photo)
        fitted = fit_image(load_image(path), fit, max_side=self._pipeline.max_side)
        stem = safe_stem(photo.get("orig_name") or path.name)
        original = save_download(png_bytes(fitted), f"{stem}-original.png")
        return {
            self.fitted: FittedPhoto(original, stem, path.stat().st_size),
            self.welcome: gr.HTML(visible=False),
            self.result: gr.Column(visible=True),
            self.headline: f"<h2>Your {format_size(path.stat().st_size)} photo …</h2>",
            self.original: original,
            self.reconstruction: None,
            self.stream_download: gr.DownloadButton(value=None, interactive=False),
            self.picture_download: gr.DownloadButton(value=None, interactive=False, visible=False),
            self.metrics: "",
            self.breakdown: "",
            self.compress_button: gr.Button(interactive=False),
            self.stop_button: gr.Button(visible=True),
        }

    def run(
        self,
        photo: FittedPhoto,
        preset: str,
        caption: str,
        steps: int,
        guidance_scale: float,
        strength: float,
        seed: int | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio asks for it)
    ) -> Iterator[Updates]:
        """Writes the file and shows its size, then paints the photo back from it."""
        settings = Sampling(steps, guidance_scale, strength, seed)
        with Image.open(photo.path) as original:
            stream = self._pipeline.compress(original, preset=preset, caption=caption.strip())
        data = stream.to_bytes()
        report = RateReport.from_bitstream(stream, photo.original_bytes)
        name = f"{photo.stem}-{preset}"
        yield {
            self.headline: _headline_html(report, stream),
            self.stream_download: gr.DownloadButton(value=save_download(data, f"{name}.pcv2"), interactive=True),
            self.breakdown: breakdown_html(report, get_preset(preset)) + file_text_html(data),
        }
        picture = yield from paint(self._pipeline, stream, settings, progress)
        png = save_download(png_bytes(picture), f"{name}.png")
        with Image.open(photo.path) as original:
            yield {
                self.reconstruction: png,
                self.picture_download: gr.DownloadButton(value=png, interactive=True),
                self.metrics: metrics_html(original, picture, local_lpips()),
            }

    def rest(self) -> Updates:
        """The buttons as they are while nothing runs."""
        return {
            self.compress_button: gr.Button(interactive=True),
            self.stop_button: gr.Button(visible=False),
            self.picture_download: gr.DownloadButton(visible=True),
        }


def _welcome_html() -> str:
    steps = {
        "photo": "<b>Look</b> An encoder reduces the photo to a coarse grid of code words.",
        "grid": "<b>Write</b> Their indices and a short caption are all that the file holds.",
        "painting": "<b>Paint</b> A flow transformer paints a photo that agrees with both.",
    }
    return (
        '<section class="welcome"><h2>How small can a photo get?</h2>'
        "<p>Choose a photo, press Compress, and see it painted back from a file that fits in a text message.</p>"
        f"{journey_html(steps)}"
        '<p class="scale">For scale: a JPEG file spends about 600 bytes on headers and tables before its first pixel.'
        "</p></section>"
    )


def _preset_label(preset: Preset) -> str:
    rows, columns = preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)
    size = preset.index_bytes(NOMINAL_SIDE, NOMINAL_SIDE)
    return f"{preset.name.capitalize()}\n{columns}×{rows} · {size} B"


def _headline_html(report: RateReport, stream: Bitstream) -> str:
    ratio = report.compression_ratio
    comparison = f"{ratio:,.0f} times smaller · " if ratio and ratio >= 2 else ""
    return (
        f"<h2>Your {format_size(report.original_bytes)} photo is now <em>{format_size(report.file_bytes)}</em></h2>"
        f"<p>{comparison}{stream.width}×{stream.height} pixels · {report.file_bpp:.4f} bpp on disk</p>"
    )
