"""Inside the codec: a transmission step by step, and what becomes of a picture when tokens do not arrive."""

from typing import TYPE_CHECKING, Any

import gradio as gr

from percov2_demo.bitstream import Bitstream, parse_coding
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import NOMINAL_SIDE, Preset, get_preset
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.panels.experiments import Experiments
from percov2_demo.ui.render.transmission import ELEMENT_ID, transmission_html
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.scripts import scroll_script, stale_script, step_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.tabs.progressive import Progressive
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

SCHEDULE_CHOICES = (
    ("Quincunx", "quincunx"),
    ("QLDS, 5 groups", "qlds:5"),
    ("QLDS, 12 groups", "qlds:12"),
    ("Checkerboard", "checkerboard"),
    ("Coarse to fine", "var"),
    ("Uniform, no model", "uniform"),
)
"""Schedules by the names that people see; "qlds" with its number of groups."""


class InsideTab:
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
    """

    def __init__(self, pipeline: "Codec", session: Session):
        self._pipeline, self._session = pipeline, session
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=4, min_width=320):
                self._create_inputs()
            with gr.Column(scale=9, min_width=320, elem_id="inside-result"):
                self._create_result()
        self._connect()

    def _create_inputs(self) -> None:
        presets = [get_preset(name) for name in self._pipeline.presets]
        self.photo = PhotoInput("inside-", self._pipeline.max_side, "inside-result")
        self.caption = self.photo.offer_captions("Travels in the file. Leave it empty for none.")
        self.preset = gr.Radio(
            [(_preset_label(preset), preset.name) for preset in presets],
            value=presets[0].name,
            label="Preset",
            info=f"Tokens of a {NOMINAL_SIDE}×{NOMINAL_SIDE} photo.",
            elem_classes="choices",
        )
        self.schedule = gr.Radio(
            list(SCHEDULE_CHOICES),
            value=SCHEDULE_CHOICES[0][1],
            label="Entropy schedule",
            info="In which order tokens are sent. Each group is predicted from all before it.",
            elem_id="inside-schedule",
        )
        self.encode_button = gr.Button("Look inside", variant="primary", elem_classes="main-action")

    def _create_result(self) -> None:
        self.stream = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        self.fitted = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        self.welcome = gr.HTML(render("tabs/inside_welcome.html"))
        with gr.Column(visible=False) as self.result:
            self.headline = gr.HTML(elem_classes="headline")
            self.received = gr.Slider(
                0, 1, 0, step=1, label="Groups received", elem_id="received", info="Step through the transmission."
            )
            self.maps = gr.HTML()
            self.experiments = Experiments(self._pipeline, self._session, self.stream, self.fitted, self.received)
            self.progressive = Progressive(self._pipeline, self._session, self.photo, self.caption)

    def _connect(self) -> None:
        self.received.change(None, self.received, js=step_script(ELEMENT_ID), **PAGE_EVENT)
        outputs = [self.welcome, self.result, self.stream, self.fitted, self.headline, self.received, self.maps]
        outputs += self.experiments.results
        encoded = gr.on(
            [self.encode_button.click, self.caption.submit],
            friendly(self.encode),
            [self.photo.image, self.caption, self.preset, self.schedule],
            outputs,
            preprocess=False,
            show_progress_on=[self.welcome, self.maps],
            api_visibility="private",
            **MODEL_QUEUE,
        )
        encoded.success(None, js=scroll_script("inside-result"), **PAGE_EVENT)
        encoded.success(None, js=stale_script("inside-result", False), **PAGE_EVENT)

    def encode(self, photo: dict[str, Any] | None, caption: str | None, preset: str, choice: str) -> Updates:
        """Code the photo and show how its tokens become known.

        Args:
            photo: The image component's raw value, see `PhotoInput`.
            caption: Text that travels in the file.
            preset: Name of the preset.
            choice: One of `SCHEDULE_CHOICES`.
        """
        fitted = self.photo.read(photo)
        picture = fitted.open()
        entropy, steps = parse_coding(choice)
        stream = gpu.call(
            self._pipeline,
            gpu.reserved_seconds(),
            "compress",
            picture,
            preset=preset,
            caption=(caption or "").strip(),
            entropy=entropy,
            entropy_steps=steps,
        )
        traces = self._pipeline.trace(stream)
        received = (len(traces) + 1) // 2
        return {
            self.welcome: gr.HTML(visible=False),
            self.result: gr.Column(visible=True),
            self.stream: stream,
            self.fitted: fitted,
            self.headline: _headline_html(stream, len(traces)),
            self.received: gr.Slider(maximum=len(traces), value=received),
            self.maps: transmission_html(picture, stream, traces, received),
            **dict.fromkeys(self.experiments.results),
        }


def _preset_label(preset: Preset) -> str:
    rows, columns = preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)
    return f"{preset.name.capitalize()}\n{columns}×{rows} tokens"


def _headline_html(stream: Bitstream, groups: int) -> str:
    report, preset = RateReport.from_bitstream(stream), get_preset(stream.preset)
    packed = preset.index_bytes(stream.width, stream.height)
    return render(
        "tabs/inside_headline.html",
        tokens=f"{stream.indices.size:,}",
        size=format_size(report.spatial_bytes),
        packed=f"{packed:,}",
        groups=counted(groups, "group"),
        pixels=f"{stream.width}×{stream.height}",
        file_size=format_size(report.file_bytes),
    )
