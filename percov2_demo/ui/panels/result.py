"""What a compression gave: headline, caption, comparison, the files of all rates, and folds with all the rest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import get_preset
from percov2_demo.sampling.settings import OWN, Sampling
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.links import changed_settings, link_to
from percov2_demo.ui.panels.codecs import CodecComparison
from percov2_demo.ui.panels.comparison import comparison_html, create_comparison
from percov2_demo.ui.panels.headline import headline_html
from percov2_demo.ui.panels.link import create_link, link_html
from percov2_demo.ui.panels.progress import create_progress, rest_html, writing_html
from percov2_demo.ui.panels.strip import StripFile, create_strip, strip_html
from percov2_demo.ui.render.breakdown import breakdown_html, breakdown_summary
from percov2_demo.ui.render.maps import maps_html
from percov2_demo.ui.render.metrics import metrics_html, metrics_summary
from percov2_demo.ui.render.note import note_html
from percov2_demo.ui.render.wording import counted, format_size, painter_label
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import kept_file, png_bytes, save_download
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.run import Run


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

_NO_WORDS = "No words: the tokens alone"

WORDS_STRENGTH = 0.67
"""With which words are repainted where the picture was painted with none: at strength 0 they change nothing."""

_ANNOUNCING = 'element.setAttribute("role", "status");'
"""Set on what stays, because screen readers do not announce a region that is itself new."""


class ResultPanel:
    """The panel's components, and the updates that fill them one after the other.

    Args:
        pipeline: The codec.
        session: What the tabs share.
    """

    def __init__(self, pipeline: "Codec", session: Session) -> None:
        self._pipeline, self._session = pipeline, session
        self.shown = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        self.runs = gr.State((), time_to_live=STATE_LIFETIME_SECONDS)
        with gr.Column(visible=False, elem_classes="result") as self.panel:
            self.headline = gr.HTML(elem_classes="headline")
            with gr.Row(elem_classes="file-says"):
                self.words = gr.Textbox(
                    label="The file says",
                    placeholder=_NO_WORDS,
                    max_lines=2,
                    max_length=MAX_CAPTION_BYTES,
                    elem_id="words",
                    scale=1,
                )
                self.repaint = gr.Button("Repaint with these words", scale=0, min_width=250, elem_id="repaint")
            self.comparison = create_comparison(elem_id="comparison")
            self.strip = create_strip(elem_id="strip")
            with gr.Row(elem_classes="painting"):
                self.progress = create_progress()
                self.stop = gr.Button("Stop", variant="stop", scale=0, min_width=110, visible=False)
            self.announced = gr.HTML(js_on_load=_ANNOUNCING, elem_classes="announcer")
            with gr.Row(elem_classes="downloads"):
                self.stream_download = gr.DownloadButton("Download .pcv2", interactive=False, min_width=140)
                self.picture_download = gr.DownloadButton("Download PNG", interactive=False, min_width=140)
                self.json_download = gr.DownloadButton("Download JSON of the run", interactive=False, min_width=140)
            self.breakdown_fold, self.breakdown = _fold("Bytes")
            self.link_fold, self.link = _fold("Link and QR code", create_link, "link-fold")
            self.metrics_fold, self.metrics = _fold("How close it came")
            self.maps_fold, self.maps = _fold("Where the bits go")
            self.codecs = CodecComparison(self.shown, self.comparison)
        self.strip.select(
            friendly(self.open),
            [self.runs, session.address],
            self._of_run,
            **PAGE_EVENT,
        )
        self.maps_fold.expand(
            friendly(self.draw_maps),
            self.shown,
            self.maps,
            api_visibility="private",
            show_progress="minimal",
            **MODEL_QUEUE,
        )
        self.stop.click(self.say_stopped, self.runs, self.progress, **PAGE_EVENT)

    @property
    def components(self) -> list[Component]:
        """Outputs for an event whose handler uses any of the updates."""
        return [self.panel, self.runs, self.strip, self.progress, self.announced, self.stop, *self._of_run]

    @property
    def _of_run(self) -> list[Component]:
        return [
            self.shown,
            self.headline,
            self.words,
            self.comparison,
            *(self.stream_download, self.picture_download, self.json_download),
            *(self.breakdown_fold, self.breakdown, self.link_fold, self.link),
            *(self.metrics_fold, self.metrics, self.maps_fold, self.maps),
            *self.codecs.components,
        ]

    def begin(self, headline: str, original: str, size: tuple[int, int], files: Sequence[StripFile]) -> Updates:
        """Show the photo alone, and Stop.

        Args:
            headline: Markup.
            original: Path of the photo as the codec sees it.
            size: Its width and height in pixels.
            files: What is about to be written.
        """
        empty = dict.fromkeys((self.announced, self.breakdown, self.link, self.metrics), "")
        downloads = (self.stream_download, self.picture_download, self.json_download)
        return {
            **empty,
            self.panel: gr.Column(visible=True),
            self.progress: writing_html(),
            self.runs: (),
            self.shown: None,
            self.headline: headline,
            self.words: gr.Textbox(placeholder="…"),
            self.stop: gr.Button(visible=True),
            self.comparison: comparison_html(original, None, size),
            self.strip: strip_html(files, shown=0),
            **{button: gr.DownloadButton(value=None, interactive=False) for button in downloads},
            **self._close_maps(),
            **self.codecs.clear(),
        }

    def show_file(
        self,
        name: str,
        data: bytes,
        fields: Mapping[str, Any],
        report: RateReport,
        original: str,
        link: str,
        is_own: bool,
        painter: str,
    ) -> Updates:
        """Show a file and what it is made of, before its picture is painted.

        Args:
            name: Name of the downloads, without ending.
            data: The file.
            fields: What it says, as `Bitstream.to_dict` gives it.
            report: Its bytes.
            original: Path of the photo as the codec sees it.
            link: The file as a link.
            is_own: Whether the photo is the visitor's, see `Session.is_own`.
            painter: Who paints.
        """
        photo = kept_file(original)
        return {
            self.headline: headline_html(
                report,
                (fields["width"], fields["height"]),
                Path(photo).stat().st_size if photo else None,
                is_own,
                "" if painter == OWN else painter_label(painter),
            ),
            self.words: gr.Textbox(fields["caption"], placeholder=_NO_WORDS),
            self.stream_download: gr.DownloadButton(value=save_download(data, f"{name}.pcv2"), interactive=True),
            self.breakdown_fold: gr.Accordion(label=breakdown_summary(report)),
            self.breakdown: breakdown_html(report, get_preset(fields["preset"])),
            self.link_fold: gr.Accordion(label=f"Link and QR code: {counted(len(link), 'character')}"),
            self.link: link_html(link, data),
        }

    def show_step(self, original: str, told: str, preview: Image.Image | None) -> Updates:
        """Show how far the sampler is.

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

    def show_run(self, run: Run, address: str) -> Updates:
        """Show a finished run with its original.

        Args:
            run: The run.
            address: Where the page is.
        """
        assert run.original is not None
        name = f"{run.name}-{run.preset}"
        document = save_download(run.to_json(), f"{name}.json")
        told = " · ".join(filter(None, [format_size(run.rates.file_bytes), run.caption and f"“{run.caption}”"]))
        link = self.link_to(run.stream, run.preset, run.sampling, address)
        is_own = run.origin is None or self._session.is_own(run.origin.photo)
        return {
            **self.show_file(
                name, run.stream, run.fields, run.rates, run.original, link, is_own, run.sampling.painter
            ),
            self.shown: run,
            self.comparison: comparison_html(
                run.original, run.picture, (run.fields["width"], run.fields["height"]), told=told
            ),
            self.picture_download: gr.DownloadButton(value=kept_file(run.picture), interactive=True),
            self.json_download: gr.DownloadButton(value=document, interactive=True),
            self.metrics_fold: gr.Accordion(label=metrics_summary(run.metrics)),
            self.metrics: metrics_html(run.metrics),
            **self._close_maps(),
            **self.codecs.clear(run.rates.file_bytes),
        }

    def show_earlier(self, run: Run, runs: Sequence[Run], address: str) -> Updates:
        """Show a run of before, among others of its photo.

        Args:
            run: The run.
            runs: Those that the strip offers, the run among them.
            address: Where the page is.
        """
        return {
            self.panel: gr.Column(visible=True),
            self.runs: tuple(runs),
            self.strip: strip_html([StripFile.of(each) for each in runs], run.number),
            self.progress: rest_html(f"Run {run.number} of this session."),
            **self.show_run(run, address),
        }

    def show_progress(self, runs: Sequence[Run], files: Sequence[StripFile]) -> Updates:
        """Show in the strip what is painted so far; what the visitor opened stays open.

        Args:
            runs: The job's finished runs.
            files: All of its files.
        """
        return {
            self.runs: tuple(runs),
            self.strip: strip_html(files, runs[0].number, keeps_choice=True),
            self.announced: f"The {format_size(runs[-1].rates.file_bytes, before_noun=True)} file is painted.",
        }

    def link_to(self, data: bytes, preset: str, settings: Sampling, address: str) -> str:
        """Return the link that paints the same picture anywhere.

        Args:
            data: The file.
            preset: Its preset.
            settings: How it is painted.
            address: Where the page is.
        """
        usual = self._pipeline.painters.own.settle(preset)
        return link_to(address, data, changed_settings(settings, usual))

    def open(self, runs: Sequence[Run], address: str, event: gr.SelectData) -> Updates:
        """Show the run whose file is chosen in the strip."""
        run = next((run for run in runs if run.number == int(event.index)), None)
        if run is None:
            raise gr.Error("This picture is no longer here: compress the photo again.", print_exception=False)
        return self.show_run(run, address)

    def draw_maps(self, run: Run | None) -> str:
        """Draw where a run's bits are; the entropy model runs once more for it."""
        if run is None or run.original is None:
            return note_html("There is no picture yet.")
        stream = self._pipeline.read(run.stream)
        return maps_html(stream, self._pipeline.information(stream), run.original)

    def say_stopped(self, runs: Sequence[Run]) -> str:
        """Say what there is after Stop."""
        return rest_html(f"after {counted(len(runs), 'picture')}.", "Stopped")

    def rest(self) -> Updates:
        """Return the panel as it is while nothing runs."""
        return {self.stop: gr.Button(visible=False)}

    def _close_maps(self) -> Updates:
        return {self.maps_fold: gr.Accordion(open=False), self.maps: ""}


def _fold(label: str, create: Any = gr.HTML, elem_id: str | None = None) -> tuple[gr.Accordion, gr.HTML]:
    """Create a closed fold with one component in it."""
    with gr.Accordion(label, open=False, elem_id=elem_id, elem_classes="fold") as fold:
        content = create()
    return fold, content
