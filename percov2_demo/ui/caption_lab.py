"""One photo, one set of indices, many captions: what the text does to the picture."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.sampling import Sampling
from percov2_demo.sweeps import Trial
from percov2_demo.ui.caption_tile import DIFFERENCE_PEAK, CaptionTile
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.lab_photo import LabPhoto, PhotoInput
from percov2_demo.ui.sampling import MAX_SEED, MODEL_QUEUE, PAGE_EVENT, SamplingControls
from percov2_demo.ui.scripts import scroll_script
from percov2_demo.ui.sweep_runner import WAITING_HTML, SweepRunner, stopped_html


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

Updates = dict[Component, Any]

MAX_CAPTIONS = 7
"""Captions of one run, besides the picture without one."""

OTHER_CAPTION = "an old castle"
"""The other caption of the authors' experiment, in which a lighthouse's indices become a castle."""

STRENGTH = 1.0
"""The strength to begin with, the paper's: from pure noise the caption has the most say."""

_SHOW_MAPS = """(view) => {
    document.getElementById("caption-tiles").classList.toggle("show-maps", view === "maps");
}"""


class CaptionLab:
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
            with gr.Column(scale=8, min_width=320, elem_id="caption-lab-result"):
                self._create_result()
        self._connect()

    def _create_inputs(self) -> None:
        presets = self._pipeline.presets
        self.photo = PhotoInput("caption-lab", self._pipeline.max_side)
        self.captions = gr.Textbox(
            OTHER_CAPTION,
            label="Captions, one a line",
            info=f"Up to {MAX_CAPTIONS}. The picture without a caption is always painted, to compare with.",
            lines=4,
            max_lines=10,
            max_length=MAX_CAPTIONS * (MAX_CAPTION_BYTES + 1),
            elem_id="lab-captions",
            render=False,
        )
        self.photo.offer([(path, f"{caption}\n{OTHER_CAPTION}") for path, caption in example_photos()], self.captions)
        self.captions.render()
        has_captioner = getattr(self._pipeline, "has_captioner", False)
        self.automatic = gr.Checkbox(has_captioner, label="And the automatic caption", visible=has_captioner)
        self.preset = gr.Radio(
            [(name.capitalize(), name) for name in presets],
            value=presets[0],
            label="Preset",
            elem_classes=["preset-cards", "choice"],
        )
        self.noise = gr.Radio(
            [("Same for all", "same"), ("Another for each", "other")],
            value="same",
            label="Noise",
            info="With the same noise, every difference is the caption's doing.",
            elem_classes=["preset-cards", "choice"],
        )
        self.paint_button = gr.Button("Paint all", variant="primary", elem_classes="main-action")
        self.stop_button = gr.Button("Stop", variant="stop", visible=False)
        work = (presets[0], OTHER_CAPTION, has_captioner, Sampling.steps, STRENGTH)
        self.forecast = gr.HTML(self.foresee(*work))
        with gr.Accordion("Advanced", open=False):
            self.sampling = SamplingControls.create(STRENGTH)

    def _create_result(self) -> None:
        self.lab_photo = gr.State(None, time_to_live=3600)
        self.painted = gr.State(0)
        self.welcome = gr.HTML(_WELCOME)
        self.status = gr.HTML()
        with gr.Column(visible=False) as self.result:
            self.view = gr.Radio(
                [("Pictures", "pictures"), ("What each caption changed", "maps")],
                value="pictures",
                label="View",
                info=f"Against the picture without a caption: black is none, light {DIFFERENCE_PEAK} of 255 or more.",
                elem_classes=["preset-cards", "choice"],
            )
            with gr.Row(elem_classes="tiles", elem_id="caption-tiles"):
                with gr.Column(min_width=160, elem_classes="tile"):
                    self.original = gr.Image(
                        format="png",
                        show_label=False,
                        interactive=False,
                        buttons=["fullscreen"],
                        alt_text="The original photo",
                    )
                    gr.HTML('<div class="tile-text"><h3>The photo</h3><p>As the codec sees it.</p></div>')
                self.tiles = [CaptionTile.create(number) for number in range(MAX_CAPTIONS + 1)]

    def _connect(self) -> None:
        tile_parts = [part for tile in self.tiles for part in tile.components]
        buttons = [self.paint_button, self.stop_button]
        work = [self.preset, self.captions, self.automatic, self.sampling.steps, self.sampling.strength]

        forecast = {"fn": friendly(self.foresee), "inputs": work, "outputs": self.forecast, **PAGE_EVENT}
        gr.on([control.change for control in work], trigger_mode="always_last", **forecast)
        self.view.change(None, self.view, js=_SHOW_MAPS, **PAGE_EVENT)

        prepared = self.paint_button.click(
            friendly(self.prepare),
            [self.photo.image, self.captions],
            [
                *(self.lab_photo, self.painted, self.welcome, self.status, self.result, self.original),
                *tile_parts,
                *buttons,
            ],
            preprocess=False,
            **PAGE_EVENT,
        )
        prepared.success(None, js=scroll_script("caption-lab-result"), **PAGE_EVENT)
        running = prepared.success(
            friendly(self.run),
            [self.lab_photo, self.preset, self.captions, self.automatic, self.noise, *self.sampling.components],
            [self.status, self.painted, *tile_parts],
            show_progress="hidden",
            api_visibility="private",
            **MODEL_QUEUE,
        )
        running.success(self.rest, outputs=buttons, **PAGE_EVENT)
        stopping = {"fn": self.stop, "inputs": self.painted, "outputs": [self.status, *buttons], **PAGE_EVENT}
        running.failure(**stopping)
        self.stop_button.click(cancels=[running], **stopping)
        running.then(**forecast)

    def foresee(self, preset: str, captions: str, automatic: bool, steps: int, strength: float) -> str:
        """How much work the captions are."""
        # What the automatic caption will say is not known yet, but that there is one.
        texts = [*_lines(captions), *["(automatic)"] * automatic]
        return self._runner.forecast_html(_plan(preset, texts, Sampling(steps, strength=strength), "same"))

    def prepare(self, photo: dict[str, Any] | None, captions: str) -> Updates:
        """Reads the photo and clears what an earlier run left.

        Args:
            photo: The image component's raw value, see `PhotoInput.read`.
            captions: The visitor's lines.
        """
        _check_captions(_lines(captions))
        lab_photo = self.photo.read(photo)
        updates = {
            self.lab_photo: lab_photo,
            self.painted: 0,
            self.welcome: gr.HTML(visible=False),
            self.status: WAITING_HTML,
            self.result: gr.Column(visible=True),
            self.original: lab_photo.path,
            self.paint_button: gr.Button(visible=False),
            self.stop_button: gr.Button(visible=True),
        }
        for tile in self.tiles:
            updates |= tile.empty()
        return updates

    def run(
        self,
        photo: LabPhoto,
        preset: str,
        captions: str,
        automatic: bool,
        noise: str,
        steps: int,
        guidance_scale: float,
        strength: float,
        seed: int | None,
    ) -> Iterator[Updates]:
        """Paints the photo without a caption and then with each; a tile appears as it is finished."""
        texts = _lines(captions)
        found = self._caption(photo) if automatic else ""
        if found and found not in texts:
            texts.append(found)
        _check_captions(texts)
        trials = _plan(preset, texts, Sampling(steps, guidance_scale, strength, seed or 0), noise)
        plain: Image.Image | None = None
        painted = 0
        for status, outcome in self._runner.run(photo, trials):
            updates: Updates = {self.status: status}
            if outcome is not None:
                plain = plain or outcome.picture
                note = "automatic" if found and outcome.trial.caption == found else ""
                updates |= self.tiles[painted].fill(outcome, plain, note, photo.stem)
                painted += 1
                updates[self.painted] = painted
            yield updates

    def rest(self) -> Updates:
        """The buttons as they are while nothing runs."""
        return {self.paint_button: gr.Button(visible=True), self.stop_button: gr.Button(visible=False)}

    def stop(self, painted: int) -> Updates:
        """As `rest`, and the status says that not all was painted."""
        return self.rest() | {self.status: stopped_html(painted)}

    def _caption(self, photo: LabPhoto) -> str:
        with Image.open(photo.path) as fitted:
            return self._pipeline.caption(fitted.convert("RGB"))


def _lines(text: str) -> list[str]:
    """The visitor's captions: lines that are not empty, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _check_captions(captions: Sequence[str]) -> None:
    if len(captions) > MAX_CAPTIONS:
        raise gr.Error(f"{len(captions)} captions are too many: give at most {MAX_CAPTIONS}.", print_exception=False)
    if any(len(caption.encode()) > MAX_CAPTION_BYTES for caption in captions):
        raise gr.Error(f"A caption may have at most {MAX_CAPTION_BYTES} bytes.", print_exception=False)


def _plan(preset: str, captions: Sequence[str], settings: Sampling, noise: str) -> list[Trial]:
    """A trial without a caption and one with each; "other" noise counts the seed up."""
    seeds = [(settings.seed + i * (noise == "other")) % (MAX_SEED + 1) for i in range(len(captions) + 1)]
    return [
        Trial(preset, caption, Sampling(settings.steps, settings.guidance, settings.strength, seed))
        for caption, seed in zip(["", *captions], seeds, strict=True)
    ]


_WELCOME = (
    '<section class="welcome"><h2>Same bits, other words</h2>'
    "<p>The indices say where things are, the caption says what they are. Here the indices of your photo stay as they "
    "are, and every caption paints its own picture from them.</p>"
    "<p>The authors of PerCoV2 show it with “a white fence with a lighthouse behind it”, which “an old castle” turns "
    "into a castle. No lighthouse comes with this app. The tower among the examples is the nearest: choose it and "
    "press <b>Paint all</b>. How far each caption changes the picture is measured under it.</p></section>"
)
