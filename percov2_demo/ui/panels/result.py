"""What a compression gave: the headline, the comparison, the bytes, the metrics, and all that can be taken along."""

from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import get_preset
from percov2_demo.ui.events import STATE_LIFETIME_SECONDS
from percov2_demo.ui.panels.codecs import CodecComparison
from percov2_demo.ui.panels.comparison import comparison_html, create_comparison
from percov2_demo.ui.panels.link import create_link, link_html
from percov2_demo.ui.panels.progress import create_progress
from percov2_demo.ui.render.breakdown import breakdown_html
from percov2_demo.ui.render.metrics import metrics_html
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.server.files import png_bytes, save_download
from percov2_demo.ui.session.run import Run


Updates = dict[Component, Any]


class ResultPanel:
    """The panel's components, and the updates that fill them one after the other."""

    def __init__(self) -> None:
        self.shown = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        with gr.Column(visible=False) as self.panel:
            self.headline = gr.HTML(elem_classes="headline")
            with gr.Row(visible=False, elem_classes="painting") as self.working:
                self.progress = create_progress()
                self.stop = gr.Button("Stop", variant="stop", scale=0, min_width=110)
            self.comparison = create_comparison(elem_id="comparison")
            with gr.Row():
                self.stream_download = gr.DownloadButton("Download .pcv2", variant="primary", interactive=False)
                self.picture_download = gr.DownloadButton("Download PNG", interactive=False)
                self.json_download = gr.DownloadButton("Download JSON of the run", interactive=False)
            self.codecs = CodecComparison(self.shown)
            self.breakdown = gr.HTML()
            self.link = create_link()
            self.metrics = gr.HTML()
            self.maps = gr.HTML()

    @property
    def components(self) -> list[Component]:
        """Outputs for an event whose handler uses any of the updates."""
        texts = [self.headline, self.comparison, self.breakdown, self.link, self.metrics, self.maps]
        return [
            self.panel,
            self.shown,
            self.progress,
            self.stream_download,
            *texts,
            *self.codecs.components,
            *self.buttons,
        ]

    @property
    def buttons(self) -> list[Component]:
        """Outputs for an event whose handler uses `rest`."""
        return [self.working, self.picture_download, self.json_download]

    def begin(self, headline: str, original: str, size: tuple[int, int]) -> Updates:
        """Shows the photo alone, and Stop.

        Args:
            headline: Markup.
            original: Path of the photo as the codec sees it.
            size: Its width and height in pixels.
        """
        emptied = (self.progress, self.breakdown, self.metrics, self.maps, self.link)
        empty = dict.fromkeys(emptied, "")
        return empty | {
            self.panel: gr.Column(visible=True),
            self.shown: None,
            self.headline: headline,
            self.working: gr.Row(visible=True),
            self.comparison: comparison_html(original, None, size),
            self.stream_download: gr.DownloadButton(value=None, interactive=False),
            self.picture_download: gr.DownloadButton(value=None, interactive=False),
            self.json_download: gr.DownloadButton(value=None, interactive=False),
            **self.codecs.clear(),
        }

    def show_file(
        self,
        name: str,
        data: bytes,
        stream: Bitstream,
        report: RateReport,
        address: str,
    ) -> Updates:
        """Shows the file and what it is made of.

        Args:
            name: Name of the download, without ending.
            data: The file.
            stream: What it says.
            report: Its bytes.
            address: Where the page is.
        """
        return {
            self.headline: _headline_html(report, stream),
            self.stream_download: gr.DownloadButton(value=save_download(data, f"{name}.pcv2"), interactive=True),
            self.breakdown: breakdown_html(report, get_preset(stream.preset)),
            self.link: link_html(address, data),
        }

    def show_step(self, original: str, told: str, preview: Image.Image | None) -> Updates:
        """Shows how far the sampler is.

        Args:
            original: Path of the photo as the codec sees it.
            told: Markup.
            preview: What the sampler expects the picture to be, if it was asked.
        """
        if preview is None:
            return {self.progress: told}
        path = save_download(png_bytes(preview), "preview.png")
        return {
            self.progress: told,
            self.comparison: comparison_html(original, path, preview.size, is_preview=True),
        }

    def show_run(self, run: Run, name: str, maps: str) -> Updates:
        """Shows a finished run with its original; the file is shown already.

        Args:
            run: The run.
            name: Name of the downloads, without ending.
            maps: Markup of the maps of the bits.
        """
        assert run.original is not None
        size = (run.fields["width"], run.fields["height"])
        document = save_download(run.to_json(), f"{name}.json")
        return {
            self.shown: run,
            self.comparison: comparison_html(run.original, run.picture, size),
            self.picture_download: gr.DownloadButton(value=run.picture, interactive=True),
            self.json_download: gr.DownloadButton(value=document, interactive=True),
            self.metrics: metrics_html(run.metrics),
            self.maps: maps,
        }

    def rest(self) -> Updates:
        """The panel as it is while nothing runs."""
        return {self.working: gr.Row(visible=False)}


def _headline_html(report: RateReport, stream: Bitstream) -> str:
    assert report.original_bytes is not None
    ratio = report.compression_ratio
    comparison = f"{ratio:,.0f} times smaller · " if ratio and ratio >= 2 else ""
    return (
        f"<h2>Your {format_size(report.original_bytes, before_noun=True)} photo is now "
        f"<em>{format_size(report.file_bytes)}</em></h2>"
        f"<p>{comparison}{stream.width}×{stream.height} pixels · {report.file_bpp:.4f} bpp on disk</p>"
    )
