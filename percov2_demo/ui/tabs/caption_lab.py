"""One photo, one set of indices, many captions: what the text does to the picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import gradio as gr

from percov2_demo.bitstream import MAX_CAPTION_BYTES
from percov2_demo.checkpoints.folders import followed_edits
from percov2_demo.painters.known import known_painters
from percov2_demo.sampling.settings import OWN, Sampling
from percov2_demo.sweeps import Trial
from percov2_demo.ui.controls.caption import captioner_remark
from percov2_demo.ui.controls.sampling import MAX_SEED, SamplingControls
from percov2_demo.ui.controls.sweep import GUIDANCES, STRENGTHS
from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.examples import example_photos, rewritten_example
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.panels.archive_button import create_archive_button
from percov2_demo.ui.panels.caption_grid import Cell, archive_cells, grid_html, measure_cells
from percov2_demo.ui.panels.comparison import comparison_html, create_comparison
from percov2_demo.ui.panels.run_cards import create_run_list
from percov2_demo.ui.render.note import note_html
from percov2_demo.ui.render.wording import painter_label
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import kept_file
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.run import CaptionSource, Run
from percov2_demo.ui.tabs.lab import Lab
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_CAPTIONS = 7
"""Captions of one run, besides the picture without one."""

OTHER_CAPTION = "an old castle"
"""The other caption of the authors' experiment, in which a lighthouse's indices become a castle."""

NIGHT = "at night"
"""What a caption can add that small models follow, where they do not follow another object."""

PEAK = 32
"""Difference, of 255, that the maps show lightest until the visitor chooses another."""

FLOOR_SEEDS = 2
"""Other seeds by which the noise's own effect is measured."""

PHOTO = 0
"""Compared in place of a run: the photo itself."""

_SHOW_MAPS = """(view) => {
    document.getElementById("caption-grid").classList.toggle("show-maps", view === "maps");
}"""


class CaptionLab(Lab):
    """The tab's components and handlers.

    Args:
        pipeline: The codec.
        session: What it shares with other tabs.
    """

    def __init__(self, pipeline: "Codec", session: Session):
        welcome = render("tabs/caption_lab_welcome.html", pictures=rewritten_example(pipeline.identity))
        super().__init__(pipeline, session, "caption-lab", "Paint all", welcome)

    def _create_inputs(self) -> None:
        presets = self._pipeline.presets
        self.captions = gr.Textbox(
            OTHER_CAPTION,
            label="Captions, one a line",
            info=f"Up to {MAX_CAPTIONS}, such as a short, a long and a detailed one. The picture without a caption is "
            "always painted, to compare with.",
            lines=4,
            max_lines=10,
            max_length=MAX_CAPTIONS * (MAX_CAPTION_BYTES + 1),
            elem_id="lab-captions",
            render=False,
        )
        self.photo.offer_texts(_example_texts(), self.captions, first=OTHER_CAPTION)
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
            elem_classes="choices",
        )
        self.floor = gr.Slider(
            0,
            4,
            FLOOR_SEEDS,
            step=1,
            label="Other seeds",
            info="Painted without a caption: what noise alone changes is the floor that a caption has to beat.",
        )
        with gr.Accordion("Painting", open=False):
            self.sampling = SamplingControls.create(self._pipeline, _first_strength(self._pipeline))
        with gr.Accordion("Grid: more strengths and guidance scales", open=False):
            self.strengths = gr.CheckboxGroup(
                [(f"{value:g}", value) for value in STRENGTHS if value],
                label="Also with strength",
                visible=self._pipeline.has_estimate,
            )
            self.guidances = gr.CheckboxGroup(
                [(f"{value:g}", value) for value in GUIDANCES], label="Also with guidance"
            )

    def _create_results(self) -> None:
        self.cells = gr.State((), time_to_live=STATE_LIFETIME_SECONDS)
        self.settings = gr.HTML()
        with gr.Row():
            self.view = gr.Radio(
                [("Pictures", "pictures"), ("What changed", "maps")],
                value="pictures",
                label="View",
                elem_classes="choices",
                min_width=280,
            )
            self.peak = gr.Slider(
                4, 255, PEAK, step=1, label="Lightest in the maps", info="A difference of so many levels, of 255."
            )
        self.grid = create_run_list(elem_id="caption-grid")
        with gr.Row():
            self.first = gr.Dropdown([("The photo", PHOTO)], value=PHOTO, label="A", filterable=False)
            self.second = gr.Dropdown([("The photo", PHOTO)], value=PHOTO, label="B", filterable=False)
        self.comparison = create_comparison(elem_id="caption-comparison")
        create_archive_button(self.cells, "caption-grid", "captions", archive_cells)

    def _connect(self) -> None:
        self.view.change(None, self.view, js=_SHOW_MAPS, **PAGE_EVENT)
        gr.on(
            [self.peak.release, self.peak.input],
            friendly(self.redraw),
            [self.painted, self.peak],
            [self.cells, self.grid],
            **PAGE_EVENT,
        )
        pair = [self.fitted, self.painted, self.first, self.second]
        gr.on([self.first.input, self.second.input], friendly(self.compare), pair, self.comparison, **PAGE_EVENT)
        self.grid.select(friendly(self.pick), pair[:-1], [self.second, self.comparison], **PAGE_EVENT)
        planned = [self.preset, self.captions, self.automatic, self.floor, self.strengths, self.guidances]
        self._connect_run(
            checked=[self.captions],
            inputs=[self.peak, *planned, *self.sampling.components],
            work=[*planned, *self.sampling.components],
            drawn=[self.cells, self.settings, self.grid, self.first, self.second, self.comparison],
        )

    def foresee(
        self,
        preset: str,
        captions: str,
        automatic: bool,
        floor: int,
        strengths: Sequence[float],
        guidances: Sequence[float],
        *sampling: Any,
    ) -> str:
        """Return how much work the captions are; arguments as of `run`."""
        # What the automatic caption will say is not known yet, but that there is one.
        texts = [*_lines(captions), *["(automatic)"] * automatic]
        return self._runner.forecast_html(
            _plan(preset, texts, self.sampling.settings(*sampling), floor, strengths, guidances)
        )

    def prepare(self, photo: dict[str, Any] | None, captions: str) -> Updates:
        """Read the photo and clear what an earlier run left.

        Args:
            photo: The image component's raw value.
            captions: The visitor's lines.
        """
        _check_captions(_lines(captions))
        fitted = self.photo.read(photo)
        nothing = gr.Dropdown([("The photo", PHOTO)], value=PHOTO)
        return self._begin(fitted) | {
            self.cells: (),
            self.settings: "",
            self.grid: "",
            self.first: nothing,
            self.second: nothing,
            self.comparison: comparison_html(fitted.path, None, fitted.size),
        }

    def run(
        self,
        photo: FittedPhoto,
        runs: Sequence[Run],
        peak: int,
        preset: str,
        captions: str,
        automatic: bool,
        floor: int,
        strengths: Sequence[float],
        guidances: Sequence[float],
        *sampling: Any,
    ) -> Iterator[Updates]:
        """Paint the photo without a caption and then with each; a cell of the grid appears as it is finished.

        Args:
            photo: The photo.
            runs: The session's last runs.
            peak: The difference, of 255, that the maps show lightest.
            preset: Name of the bitrate preset.
            captions: The visitor's lines.
            automatic: Whether the captioner adds one.
            floor: How many other seeds are painted without a caption.
            strengths: Further strengths.
            guidances: Further guidance scales.
            *sampling: Values of the sampling controls.
        """
        texts = _lines(captions)
        seconds = gpu.reserved_seconds()
        found = gpu.call(self._pipeline, seconds, "caption", photo.open()) if automatic else ""
        if found and found not in texts:
            texts.append(found)
        _check_captions(texts)
        settings = self.sampling.settings(*sampling)
        trials = _plan(preset, texts, settings, floor, strengths, guidances)
        sources: list[CaptionSource] = ["auto" if found and trial.caption == found else "custom" for trial in trials]
        cells: list[Cell] = []
        yield {self.settings: self._settings_html(preset, settings)}
        for updates, outcome, painted in self._paint(photo, runs, trials, sources):
            if outcome is not None:
                cells = measure_cells(painted, peak, cells)
                choices = [("The photo", PHOTO), *((_title(run), run.number) for run in painted)]
                first, second = painted[0].number, painted[min(1, len(painted) - 1)].number
                updates |= {
                    self.cells: tuple(cells),
                    self.grid: grid_html(cells, peak),
                    self.first: gr.Dropdown(choices, value=first),
                    self.second: gr.Dropdown(choices, value=second),
                    self.comparison: self.compare(photo, painted, first, second),
                }
            yield updates

    def redraw(self, painted: Sequence[Run], peak: int) -> Updates:
        """Draw the maps on another scale."""
        kept = [run for run in painted if kept_file(run.picture)]
        cells = measure_cells(kept, peak)
        return {self.cells: tuple(cells), self.grid: grid_html(cells, peak) if cells else ""}

    def compare(self, photo: FittedPhoto, painted: Sequence[Run], first: int, second: int) -> str:
        """Lay two pictures over each other; each is `PHOTO` or the number of a run."""
        (name, path), (other, result) = (self._picture(photo, painted, number) for number in (first, second))
        return comparison_html(path, result, photo.size, names=(f"A: {name}", f"B: {other}"))

    def pick(self, photo: FittedPhoto, painted: Sequence[Run], first: int, event: gr.SelectData) -> Updates:
        """Compare a clicked picture with A."""
        number = int(event.index)
        return {self.second: number, self.comparison: self.compare(photo, painted, first, number)}

    def _picture(self, photo: FittedPhoto, painted: Sequence[Run], number: int) -> tuple[str, str]:
        if number == PHOTO:
            return "the photo", photo.path
        run = next((run for run in painted if run.number == number), None)
        if run is None:
            raise gr.Error("This picture is no longer here.", print_exception=False)
        return _title(run), run.picture

    def _settings_html(self, preset: str, settings: Sampling) -> str:
        """Say how it is painted, where Compress does it otherwise, and what the painter can follow."""
        told = [
            f"strength {settings.strength:g}, guidance {settings.guidance:g}, {settings.steps} steps, "
            f"{painter_label(settings.painter)}."
        ]
        usual = self._pipeline.default_strength(preset)
        if settings.painter == OWN and settings.strength != usual:
            nothing = ", where a caption changes nothing" if usual == 0 else ""
            told.append(f"Compress paints with strength {usual:g}{nothing}.")
        measured = followed_edits(self._pipeline.name_or_path, self._pipeline.default_guidance)
        if settings.painter == OWN and measured is not None:
            told.append(
                "The small model's painter follows words for light, weather and season, and knows no objects: over "
                f"{measured.pictures} pictures, captions that named one of {measured.edits} such edits changed what "
                f"they should in {measured.fewest} or more. A public model such as {known_painters()[0].model} knows "
                "objects: start the app with --painter to have one."
            )
        return note_html(f"Painted with {' '.join(told)}")


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


def _plan(
    preset: str,
    captions: Sequence[str],
    settings: Sampling,
    floor: int,
    strengths: Sequence[float],
    guidances: Sequence[float],
) -> list[Trial]:
    """List, for each strength, a trial without a caption and one with each caption and guidance; and the floor's."""
    trials = []
    for strength in dict.fromkeys([settings.strength, *strengths]):
        plain = replace(settings, strength=strength)
        trials.append(Trial(preset, "", plain))
        trials += [
            Trial(preset, caption, replace(plain, guidance=guidance))
            for guidance, caption in product(dict.fromkeys([settings.guidance, *guidances]), captions)
        ]
    seeds = ((settings.seed + number) % (MAX_SEED + 1) for number in range(1, floor + 1))
    return [*trials, *(Trial(preset, "", replace(settings, seed=seed)) for seed in seeds)]


def _title(run: Run) -> str:
    return f"{run.number}: “{run.caption}”" if run.caption else f"{run.number}, no caption"


def _example_texts() -> list[tuple[str, str]]:
    """Give each example a short caption, its own long one, and one that adds what small models follow."""
    return [
        (path, "\n".join([" ".join(caption.split()[:3]), caption, f"{caption} {NIGHT}", OTHER_CAPTION]))
        for path, caption in example_photos()
    ]
