"""One photo under many settings: the trade-off between distortion and realism, rate curves, and samples."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.sweeps import Trial, mean_and_deviation
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.export import csv_file, json_file
from percov2_demo.ui.files import file_url, png_bytes, save_download, save_thumbnail
from percov2_demo.ui.lab_photo import LabPhoto, PhotoInput
from percov2_demo.ui.plot_bridge import create_plot_bridge
from percov2_demo.ui.plots import Point, axis_choices, heat_map, labels, scatter
from percov2_demo.ui.sampling import MODEL_QUEUE, PAGE_EVENT
from percov2_demo.ui.scripts import lookup_script, scroll_script
from percov2_demo.ui.sweep_controls import KINDS, SweepControls
from percov2_demo.ui.sweep_runner import WAITING_HTML, SweepRunner, stopped_html


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

Updates = dict[Component, Any]

DEVIATION_PEAK = 32
"""Standard deviation, of 127.5 at most, that the map shows lightest."""


class TradeoffLab:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "PerCoV2Pipeline"):
        self._pipeline = pipeline
        self._runner = SweepRunner(pipeline)
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self._create_inputs()
            with gr.Column(scale=8, min_width=320, elem_id="tradeoff-lab-result"):
                self._create_result()
        self._connect()

    def _create_inputs(self) -> None:
        self.photo = PhotoInput("tradeoff-lab", self._pipeline.max_side)
        self.caption = gr.Textbox(
            label="Caption",
            info="Without one, guidance has nothing to act on.",
            placeholder="a red fox asleep in the snow",
            max_lines=3,
            max_length=MAX_CAPTION_BYTES,
            elem_id="tradeoff-caption",
            render=False,
        )
        self.photo.offer(example_photos(), self.caption)
        self.caption.render()
        self.controls = SweepControls(self._pipeline)
        self.run_button = gr.Button("Run the sweep", variant="primary", elem_classes="main-action")
        self.stop_button = gr.Button("Stop", variant="stop", visible=False)
        self.forecast = gr.HTML(self.foresee("", *(control.value for control in self.controls.components)))

    def _create_result(self) -> None:
        self.lab_photo = gr.State(None, time_to_live=3600)
        self.points = gr.State([], time_to_live=3600)
        self.welcome = gr.HTML(_WELCOME)
        self.status = gr.HTML()
        with gr.Column(visible=False) as self.result:
            self.plot = gr.Plot(show_label=False, container=False, elem_id="tradeoff-plot")
            self.bridge = create_plot_bridge()
            with gr.Row():
                axes = axis_choices()
                self.x = gr.Dropdown(axes, value="realism", label="Across", filterable=False, min_width=140)
                self.y = gr.Dropdown(axes, value="psnr", label="Up", filterable=False, min_width=140)
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
        buttons = [self.run_button, self.stop_button, self.csv, self.json]
        work = [self.caption, *self.controls.components]
        drawn = [self.plot, self.gallery, self.samples, self.mean, self.deviation]

        forecast = {"fn": friendly(self.foresee), "inputs": work, "outputs": self.forecast, **PAGE_EVENT}
        gr.on([control.change for control in work], trigger_mode="always_last", **forecast)
        kind = self.controls.kind
        kind.input(friendly(self.controls.choose), kind, self.controls.components, **PAGE_EVENT)
        axes = {name: kind.x for name, kind in KINDS.items()}
        kind.input(None, kind, self.x, js=lookup_script(axes), **PAGE_EVENT)
        gr.on([self.x.change, self.y.change], self.draw, [self.points, self.x, self.y], self.plot, **PAGE_EVENT)
        self.bridge.select(self.pick, outputs=self.gallery, **PAGE_EVENT)

        prepared = self.run_button.click(
            friendly(self.prepare),
            self.photo.image,
            [self.lab_photo, self.points, self.welcome, self.status, self.result, *drawn, *buttons],
            preprocess=False,
            **PAGE_EVENT,
        )
        prepared.success(None, js=scroll_script("tradeoff-lab-result"), **PAGE_EVENT)
        running = prepared.success(
            friendly(self.run),
            [self.lab_photo, self.x, self.y, *work],
            [self.status, self.points, *drawn],
            show_progress="hidden",
            api_visibility="private",
            **MODEL_QUEUE,
        )
        results = {"inputs": [self.lab_photo, self.points], **PAGE_EVENT}
        running.success(self.rest, outputs=buttons, **results)
        running.failure(self.stop, outputs=[self.status, *buttons], **results)
        self.stop_button.click(self.stop, outputs=[self.status, *buttons], cancels=[running], **results)
        running.then(**forecast)

    def foresee(self, caption: str, *values: Any) -> str:
        """How much work the values of the controls are."""
        return self._runner.forecast_html(self.controls.plan(caption, *values))

    def prepare(self, photo: dict[str, Any] | None) -> Updates:
        """Reads the photo and clears what an earlier sweep left.

        Args:
            photo: The image component's raw value, see `PhotoInput.read`.
        """
        return {
            self.lab_photo: self.photo.read(photo),
            self.points: [],
            self.welcome: gr.HTML(visible=False),
            self.status: WAITING_HTML,
            self.result: gr.Column(visible=True),
            self.plot: None,
            self.gallery: gr.Gallery(value=[], selected_index=None),
            self.samples: gr.Row(visible=False),
            self.run_button: gr.Button(visible=False),
            self.stop_button: gr.Button(visible=True),
            self.csv: gr.DownloadButton(value=None, interactive=False),
            self.json: gr.DownloadButton(value=None, interactive=False),
        }

    def run(self, photo: LabPhoto, x: str, y: str, caption: str, *values: Any) -> Iterator[Updates]:
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
                strength = self._pipeline.default_strength(outcome.trial.preset)
                thumbnail = file_url(save_thumbnail(outcome.picture))
                points = [*points, Point.of(len(points), outcome, path, thumbnail, strength)]
                setting = samples.setdefault(outcome.trial.any_seed, [])
                setting.append(outcome.picture)
                updates |= {
                    self.points: points,
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

    def rest(self, photo: LabPhoto, points: Sequence[Point]) -> Updates:
        """The buttons as they are while nothing runs, and the finished points to take away."""
        updates: Updates = {self.run_button: gr.Button(visible=True), self.stop_button: gr.Button(visible=False)}
        if points:
            rows = [point.row for point in points]
            for button, data, suffix in ((self.csv, csv_file(rows), "csv"), (self.json, json_file(rows), "json")):
                path = save_download(data, f"{photo.stem}-sweep.{suffix}")
                updates[button] = gr.DownloadButton(value=path, interactive=True)
        return updates

    def stop(self, photo: LabPhoto, points: Sequence[Point]) -> Updates:
        """As `rest`, and the status says that not all was painted."""
        return self.rest(photo, points) | {self.status: stopped_html(len(points))}

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


_WELCOME = (
    '<section class="welcome"><h2>What do you trade for what?</h2>'
    "<p>Faithful in every pixel or lifelike: with so few bits a decoder cannot be both. A sweep paints one photo "
    "under many settings and draws each picture as a point, as soon as it is finished.</p>"
    '<ul class="kinds"><li><b>Guidance × steps</b> and <b>Strength</b>: the decoder\'s own trade-off, at the same '
    "bits.</li><li><b>Presets</b>: curves of quality over rate.</li><li><b>Samples</b>: seeds of one file, their "
    "mean, and a map of where the decoder invents.</li></ul></section>"
)
