"""One photo, one set of indices, many captions: what the text does to the picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.sampling.settings import Sampling
from percov2_demo.sweeps import Trial
from percov2_demo.ui.controls.caption import captioner_remark
from percov2_demo.ui.controls.sampling import MAX_SEED, SamplingControls
from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.panels.caption_tile import DIFFERENCE_PEAK, CaptionTile
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.run import CaptionSource, Run
from percov2_demo.ui.tabs.lab import Lab, Updates


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_CAPTIONS = 7
"""Captions of one run, besides the picture without one."""

OTHER_CAPTION = "an old castle"
"""The other caption of the authors' experiment, in which a lighthouse's indices become a castle."""

FOG = "in the fog"
"""What a caption can add that small models follow, where they do not follow another object."""

_SHOW_MAPS = """(view) => {
    document.getElementById("caption-tiles").classList.toggle("show-maps", view === "maps");
}"""


class CaptionLab(Lab):
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
    """

    def __init__(self, pipeline: "Codec", session: Session):
        super().__init__(pipeline, session, "caption-lab", "Paint all", _WELCOME)

    def _create_inputs(self) -> None:
        presets = self._pipeline.presets
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
        examples = [(path, f"{caption}\n{caption} {FOG}\n{OTHER_CAPTION}") for path, caption in example_photos()]
        self.photo.offer_texts(examples, self.captions, first=OTHER_CAPTION)
        has_captioner = self._pipeline.has_captioner
        self.automatic = gr.Checkbox(
            has_captioner,
            label="And the automatic caption",
            info=captioner_remark(self._pipeline) or None,
            visible=has_captioner,
        )
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
        with gr.Accordion("Advanced", open=False):
            self.sampling = SamplingControls.create(self._pipeline, _first_strength(self._pipeline))

    def _create_results(self) -> None:
        self.view = gr.Radio(
            [("Pictures", "pictures"), ("What each caption changed", "maps")],
            value="pictures",
            label="View",
            info="On the maps, black is where a caption changed nothing, and yellow where it changed "
            f"{DIFFERENCE_PEAK} of 255 levels or more.",
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
        self.view.change(None, self.view, js=_SHOW_MAPS, **PAGE_EVENT)
        self._connect_run(
            checked=[self.captions],
            inputs=[self.preset, self.captions, self.automatic, self.noise, *self.sampling.components],
            work=[self.preset, self.captions, self.automatic, self.sampling.steps, self.sampling.strength],
            drawn=[self.original, *(part for tile in self.tiles for part in tile.components)],
        )

    def foresee(self, preset: str, captions: str, automatic: bool, steps: int, strength: float) -> str:
        """How much work the captions are."""
        # What the automatic caption will say is not known yet, but that there is one.
        texts = [*_lines(captions), *["(automatic)"] * automatic]
        return self._runner.forecast_html(_plan(preset, texts, Sampling(steps, strength=strength), "same"))

    def prepare(self, photo: dict[str, Any] | None, captions: str) -> Updates:
        """Reads the photo and clears what an earlier run left.

        Args:
            photo: The image component's raw value.
            captions: The visitor's lines.
        """
        _check_captions(_lines(captions))
        fitted = self.photo.read(photo)
        updates = self._begin(fitted) | {self.original: fitted.path}
        for tile in self.tiles:
            updates |= tile.empty()
        return updates

    def run(
        self,
        photo: FittedPhoto,
        runs: Sequence[Run],
        preset: str,
        captions: str,
        automatic: bool,
        noise: str,
        *sampling: Any,
    ) -> Iterator[Updates]:
        """Paints the photo without a caption and then with each; a tile appears as it is finished.

        Args:
            photo: The photo.
            runs: The session's last runs.
            preset: Name of the bitrate preset.
            captions: The visitor's lines.
            automatic: Whether the captioner adds one.
            noise: "same" for all pictures, or "other" for each.
            *sampling: Values of the sampling controls.
        """
        texts = _lines(captions)
        seconds = gpu.reserved_seconds()
        found = gpu.call(self._pipeline, seconds, "caption", photo.open()) if automatic else ""
        if found and found not in texts:
            texts.append(found)
        _check_captions(texts)
        trials = _plan(preset, texts, self.sampling.settings(*sampling), noise)
        sources: list[CaptionSource] = ["auto" if found and trial.caption == found else "custom" for trial in trials]
        plain: Image.Image | None = None
        for updates, outcome, painted in self._paint(photo, runs, trials, sources):
            if outcome is not None:
                plain = plain or outcome.picture
                updates |= self.tiles[len(painted) - 1].fill(outcome, plain, sources[len(painted) - 1], photo.stem)
            yield updates


def _first_strength(pipeline: "Codec") -> float:
    """Halfway from the model's own strength to pure noise: the caption has more say, and the picture still holds."""
    return round((1 + pipeline.default_strength(pipeline.presets[0])) / 2, 2)


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
        Trial(preset, caption, replace(settings, seed=seed))
        for caption, seed in zip(["", *captions], seeds, strict=True)
    ]


_WELCOME = (
    '<section class="welcome"><h2>Same bits, other words</h2>'
    "<p>The tokens say where things are, the caption says what they are. Here the tokens of your photo stay as they "
    "are, and every caption paints its own picture from them.</p>"
    "<p>The authors of PerCoV2 show it with “a white fence with a lighthouse behind it”, which “an old castle” turns "
    "into a castle. The small model that comes with this app builds no castle, but it knows fog. Choose the tower "
    "among the examples and press <b>Paint all</b>: how far each caption changes the picture is measured under it.</p>"
    "</section>"
)
