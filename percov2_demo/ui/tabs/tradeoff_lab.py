"""One photo under many settings: the trade-off between distortion and realism, rate curves, and samples."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.painters.known import usual_sigma
from percov2_demo.sweeps import Trial, mean_and_deviation
from percov2_demo.ui.controls.sweep import KINDS, SweepControls, offered_kinds
from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.panels.metric_plot import MetricPlot
from percov2_demo.ui.render.plots import Point, heat_map, labels, scatter
from percov2_demo.ui.scripts import lookup_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import file_url, png_bytes, save_download, save_thumbnail
from percov2_demo.ui.session.export import json_file
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.tabs.lab import Lab, Updates


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

DEVIATION_PEAK = 32
"""Standard deviation, of 127.5 at most, that the map shows lightest."""


class TradeoffLab(Lab):
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "Codec"):
        super().__init__(pipeline, "tradeoff-lab", "Run the sweep", _welcome_html(offered_kinds(pipeline)))

    def _create_inputs(self) -> None:
        self.caption = self.photo.offer_captions("Without one, guidance has nothing to act on: one scale is painted.")
        self.controls = SweepControls(self._pipeline)

    def _create_results(self) -> None:
        chart = MetricPlot.create("tradeoff-plot")
        self.plot, self.bridge, self.x, self.y = chart.plot, chart.bridge, chart.x, chart.y
        gr.HTML('<p class="sweep-status">Click a point or a picture to see it large.</p>')
        self.gallery = gr.Gallery(
            label="Pictures",
            show_label=False,
            format="png",
            columns=5,
            height="auto",
            object_fit="contain",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_id="tradeoff-gallery",
        )
        with gr.Row(visible=False, elem_classes="pictures") as self.samples:
            self.mean = _map_image("Mean of the samples")
            self.deviation = _map_image("Where the decoder invents")
        with gr.Row():
            self.csv = gr.DownloadButton("Download CSV", interactive=False)
            self.json = gr.DownloadButton("Download JSON", interactive=False)

    def _connect(self) -> None:
        kind = self.controls.kind
        kind.input(friendly(self.controls.choose), kind, self.controls.components, **PAGE_EVENT)
        axes = {name: kind.x for name, kind in KINDS.items()}
        kind.input(None, kind, self.x, js=lookup_script(axes), **PAGE_EVENT)
        gr.on([self.x.change, self.y.change], self.draw, [self.painted, self.x, self.y], self.plot, **PAGE_EVENT)
        self.bridge.select(self.pick, outputs=self.gallery, **PAGE_EVENT)
        work = [self.caption, *self.controls.components]
        self._connect_run(
            checked=[],
            inputs=[self.x, self.y, *work],
            work=work,
            drawn=[self.plot, self.gallery, self.samples, self.mean, self.deviation],
            kept=[self.csv, self.json],
        )

    def foresee(self, caption: str, *values: Any) -> str:
        """How much work the values of the controls are."""
        return self._runner.forecast_html(self.controls.plan(caption, *values))

    def prepare(self, photo: dict[str, Any] | None) -> Updates:
        """Reads the photo and clears what an earlier sweep left.

        Args:
            photo: The image component's raw value, see `PhotoInput`.
        """
        return self._begin(self.photo.read(photo)) | {
            self.plot: None,
            self.gallery: gr.Gallery(value=[], selected_index=None),
            self.samples: gr.Row(visible=False),
            self.csv: gr.DownloadButton(value=None, interactive=False),
            self.json: gr.DownloadButton(value=None, interactive=False),
        }

    def run(self, photo: FittedPhoto, x: str, y: str, caption: str, *values: Any) -> Iterator[Updates]:
        """Paints one setting after another; its point and picture appear as it is finished.

        Args:
            photo: The photo.
            x: Column of the plot's abscissa.
            y: Column of its ordinate.
            caption: Text that is sent along.
            *values: Of the controls.
        """
        points: list[Point] = []
        samples: dict[Trial, list[Image.Image]] = {}
        for status, outcome in self._runner.run(photo, self.controls.plan(caption, *values)):
            updates: Updates = {self.status: status}
            if outcome is not None:
                name = f"{photo.stem}-sweep-{len(points) + 1}.png"
                path = save_download(png_bytes(outcome.picture), name)
                advice = self._pipeline.painters.advise(outcome.trial.sampling.painter, outcome.trial.preset)
                strength = usual_sigma(advice)
                thumbnail = file_url(save_thumbnail(outcome.picture))
                points = [*points, Point.of(len(points), outcome, path, thumbnail, strength)]
                setting = samples.setdefault(outcome.trial.any_seed, [])
                setting.append(outcome.picture)
                updates |= {
                    self.painted: points,
                    self.plot: scatter(points, x, y),
                    self.gallery: [(p.path, label) for p, label in zip(points, labels(points), strict=True)],
                    **self._show_samples(setting),
                }
            yield updates

    def draw(self, points: Sequence[Point], x: str, y: str) -> Any:
        """The plot of finished pictures on other axes."""
        return scatter(points, x, y) if points else None

    def pick(self, event: gr.SelectData) -> gr.Gallery:
        """Shows the picture of a point."""
        return gr.Gallery(selected_index=int(event.index))

    def rest(self, photo: FittedPhoto | None, points: Sequence[Point]) -> Updates:
        """As the lab's own, and the finished points to take away."""
        updates = super().rest(photo, points)
        if points and photo is not None:
            rows = [point.row for point in points]
            for button, data, suffix in ((self.csv, csv_bytes(rows), "csv"), (self.json, json_file(rows), "json")):
                path = save_download(data, f"{photo.stem}-sweep.{suffix}")
                updates[button] = gr.DownloadButton(value=path, interactive=True)
        return updates

    def _show_samples(self, samples: Sequence[Image.Image]) -> Updates:
        if len(samples) < 2:
            return {}
        mean, deviation = mean_and_deviation(samples)
        return {
            self.samples: gr.Row(visible=True),
            self.mean: mean,
            self.deviation: heat_map(deviation, DEVIATION_PEAK),
        }


def _map_image(label: str) -> gr.Image:
    return gr.Image(
        label=label,
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        min_width=240,
        alt_text=label,
    )


_PURPOSES = {
    "settings": "<b>Guidance × steps</b>: the decoder's own trade-off, at the same bits.",
    "strength": "<b>Strength</b>: how much it paints anew, at the same bits.",
    "presets": "<b>Presets</b>: curves of quality over rate.",
    "samples": "<b>Samples</b>: seeds of one file, their mean, and a map of where the decoder invents.",
}


def _welcome_html(kinds: Sequence[str]) -> str:
    purposes = "".join(f"<li>{_PURPOSES[kind]}</li>" for kind in kinds)
    return (
        '<section class="welcome"><h2>What do you trade for what?</h2>'
        "<p>Faithful in every pixel or lifelike: with so few bits a decoder cannot be both. A sweep paints one photo "
        "under many settings and draws each picture as a point, as soon as it is finished.</p>"
        f'<ul class="kinds">{purposes}</ul></section>'
    )
