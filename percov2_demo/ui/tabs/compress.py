"""The landing page: a photo to a `.pcv2` file and back."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream.rates import RateReport
from percov2_demo.checkpoints.folders import typical_sizes
from percov2_demo.painters.known import usual_sigma
from percov2_demo.sampling.settings import Sampling
from percov2_demo.sweeps import Outcome, Trial
from percov2_demo.ui.controls.caption import CaptionControls
from percov2_demo.ui.controls.coding import CodingControls
from percov2_demo.ui.controls.photo import PhotoInput
from percov2_demo.ui.controls.sampling import SamplingControls
from percov2_demo.ui.controls.size import SizeControl, bytes_at
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates, connect_end
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.painting import MAX_PREVIEWS, paint
from percov2_demo.ui.jobs.refining import refine
from percov2_demo.ui.panels.progress import loading_html, progress_clock, rest_html
from percov2_demo.ui.panels.result import WORDS_STRENGTH, ResultPanel
from percov2_demo.ui.panels.strip import TARGET, StripFile, strip_html
from percov2_demo.ui.panels.welcome import welcome_html
from percov2_demo.ui.render.metrics import pair_metrics
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.scripts import constant_script, press_script, scroll_script, stale_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import kept_file, safe_stem, save_download
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.recording import record
from percov2_demo.ui.session.run import Origin, Run, next_number
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

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
        self.first = gr.State("")
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=5, min_width=320):
                self._create_inputs()
            with gr.Column(scale=8, min_width=320, elem_id="compress-result"):
                self.welcome = gr.HTML(welcome_html(pipeline.identity))
                self.result = ResultPanel(pipeline, session)
        self._connect()

    def _create_inputs(self) -> None:
        examples = example_photos()
        self.photo = PhotoInput(
            "", self._pipeline.max_side, "compress-result", height=190, invitation="Drop a photo here, paste it"
        )
        self.caption = CaptionControls(self._pipeline, [caption for _, caption in examples])
        self.coding = CodingControls(self._pipeline)
        self.photo.offer([photo for photo, _ in examples])
        self.coding.presets.render()
        self.size = SizeControl("target-size", typical_sizes(self._pipeline.name_or_path))
        self.caption.render(self.photo)
        self.compress_button = gr.Button("Compress", variant="primary", elem_classes="main-action", elem_id="compress")
        with gr.Accordion("Painting", open=False):
            self.own_strength = gr.Checkbox(
                True, label="At each rate the strength that suits it best", visible=self._pipeline.has_estimate
            )
            self.sampling = SamplingControls.create(
                self._pipeline, self._pipeline.default_strength(self._pipeline.presets[-1])
            )
        with gr.Accordion("Advanced: coding and fit", open=False):
            self.coding.render_advanced()

    def _connect(self) -> None:
        self.sampling.strength.input(None, outputs=self.own_strength, js=constant_script(False), **PAGE_EVENT)
        prepared = gr.on(
            [self.compress_button.click, self.caption.text.submit],
            friendly(self.prepare),
            [self.photo.image, self.coding.fit, self.coding.presets],
            [self.fitted, self.welcome, self.compress_button, *self.result.components],
            preprocess=False,
            **PAGE_EVENT,
        )
        prepared.success(None, js=stale_script("compress-result", False), **PAGE_EVENT)
        prepared.success(None, js=scroll_script("compress-result"), **PAGE_EVENT)
        running = prepared.success(
            friendly(self.run),
            {self.fitted, self.first, self._session.runs, self._session.address, self.own_strength, *self._settings},
            [self.caption.text, self.first, self._session.runs, *self.result.components],
            show_progress_on=self.result.progress,
            api_visibility="private",
            **MODEL_QUEUE,
        )
        at_rest = [self.compress_button, self.result.stop]
        connect_end(running, self.result.stop, self.rest, outputs=at_rest)
        taken = self.result.repaint.click(
            self.take_words,
            [self.result.words, self.result.shown],
            [*self.caption.components, self.first, self.own_strength, self.sampling.strength],
            **PAGE_EVENT,
        )
        taken.success(None, js=press_script("compress"), **PAGE_EVENT)

    @property
    def _settings(self) -> list[Component]:
        return [*self.caption.components, *self.coding.components, *self.sampling.components, self.size.slider]

    @property
    def restorable(self) -> list[Component]:
        """Outputs for an event whose handler uses `restore`."""
        return [
            *(self.photo.image, self.coding.fit, self.own_strength, self.welcome),
            *self._settings,
            *self.result.components,
        ]

    def restore(self, run: Run, runs: Sequence[Run], address: str) -> Updates:
        """Return the controls as they were in a run, with its photo and its picture where gradio still keeps them.

        A run of a file has no photo: the one that is chosen stays, with its fit.

        Args:
            run: The run.
            runs: The session's runs.
            address: Where the page is.
        """
        photo = run.origin and kept_file(run.origin.photo)
        shown: Updates = {}
        if photo and kept_file(run.picture) and run.original and kept_file(run.original):
            job = [each for each in runs if each.job == run.job]
            # A sweep has many pictures of one file.
            siblings = job if len({StripFile.of(each).preset for each in job}) == len(job) else [run]
            shown = {
                self.photo.image: photo,
                self.welcome: gr.HTML(visible=False),
                **self.result.show_earlier(run, siblings, address),
            }
        return {
            **shown,
            **self.coding.restore(run.preset, run.origin),
            self.size.slider: run.origin.target if run.origin else 0,
            **self.caption.restore(run.caption, run.caption_source),
            **self.sampling.restore(run.sampling),
            self.own_strength: run.sampling.strength == self._usual_strength(run.preset, run.sampling.painter),
        }

    def choose(self, photo: Path, caption: str | None) -> Updates:
        """Return updates to a photo and what it is said to show.

        Args:
            photo: The file.
            caption: Its caption; None leaves it to the model's captioner, where there is one.
        """
        kept = save_download(photo.read_bytes(), f"{safe_stem(photo.name)}{photo.suffix}")
        return {self.photo.image: kept, **self.caption.choose(caption)}

    def take_words(self, words: str, shown: Run | None) -> Updates:
        """Make the words under the headline the caption of what is seen; raise a strength at which words do nothing.

        Args:
            words: What the file is to say.
            shown: The run whose words they were.
        """
        words = words.strip()
        updates: Updates = {self.caption.text: words, self.caption.source: "custom" if words else "none"}
        if shown is not None:
            updates[self.first] = StripFile.of(shown).preset
            if shown.sampling.strength == 0:
                updates |= {self.own_strength: False, self.sampling.strength: WORDS_STRENGTH}
        return updates

    def prepare(self, photo: dict[str, Any] | None, fit: str, presets: Sequence[str]) -> Updates:
        """Read and fit the photo, show it at once, and clear what an earlier run left.

        Args:
            photo: The image component's raw value, see `PhotoInput`.
            fit: Name of the fit.
            presets: The chosen presets.
        """
        fitted = self.photo.read(photo, fit)
        size = format_size(fitted.original_bytes, before_noun=True)
        headline = render("panels/writing.html", photo=size, is_own=self._session.is_own(fitted.received))
        files = [StripFile(preset) for preset in self.coding.ordered(presets)]
        return {
            self.fitted: fitted,
            self.welcome: gr.HTML(visible=False),
            self.compress_button: gr.Button(interactive=False),
            **self.result.begin(headline, fitted.path, fitted.size, files),
        }

    def run(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        """Write a file of each rate, the one to be repainted or the largest first, and paint the photo back from it.

        Args:
            values: What all the inputs hold.
        """
        began = time.perf_counter()
        photo: FittedPhoto = values[self.fitted]
        original = photo.open()
        caption, source = self.caption.resolve(original, *(values[part] for part in self.caption.components))
        if source == "auto":
            yield {self.caption.text: caption}
        target = values[self.size.slider]
        presets: list[str | None] = [*([None] if target else []), *self.coding.ordered(values[self.coding.presets])]
        files = [StripFile(preset or TARGET) for preset in presets]
        job = next_number(values[self._session.runs])
        runs: tuple[Run, ...] = ()
        for place in sorted(range(len(files)), key=lambda place: files[place].preset != values[self.first]):
            started, preset = time.perf_counter(), presets[place]
            if preset is None:
                stream = refine(self._pipeline, original, bytes_at(target), caption)
            else:
                options = self.coding.compress_options(preset, values, original.size)
                seconds = gpu.reserved_seconds()
                stream = gpu.call(self._pipeline, seconds, "compress", original, caption=caption, **options)
            data = stream.to_bytes()
            report = RateReport.from_bitstream(stream, photo.original_bytes)
            settings = self._sampling(stream.preset, values)
            if preset is None:
                settings = replace(settings, strength=self._pipeline.stream_strength(stream))
            files[place] = replace(files[place], size=format_size(report.file_bytes))
            name = f"{photo.stem}-{stream.preset}"
            written = {self.result.strip: strip_html(files, shown=job if runs else 0, keeps_choice=True)}
            if not runs:
                written[self.first] = ""
                is_own = self._session.is_own(photo.received)
                link = self.result.link_to(data, stream.preset, settings, values[self._session.address])
                written |= self.result.show_file(
                    name, data, stream.to_dict(), report, photo.path, link, is_own, settings.painter
                )
            yield written
            told = progress_clock(settings.steps, f"{format_size(report.file_bytes, before_noun=True)} file")

            def show(step: int, preview: Image.Image | None, told: Callable[[int], str] = told) -> Updates:
                return self.result.show_step(photo.path, told(step), preview)

            yield show(0, None)
            previews = 0 if runs else MAX_PREVIEWS
            painted = yield from paint(
                self._pipeline,
                stream,
                settings,
                show=show,
                show_loading=lambda loading: {self.result.progress: loading_html(loading)},
                previews=previews,
            )
            metrics = pair_metrics(original, painted.picture) | {"agreement": painted.agreement}
            run = record(
                Outcome(
                    Trial(stream.preset, caption, settings),
                    stream,
                    painted.picture,
                    metrics,
                    time.perf_counter() - started,
                ),
                photo,
                number=job + len(runs),
                job=job,
                source=source,
                origin=Origin(
                    photo.received,
                    photo.fit,
                    values[self.coding.entropy],
                    withheld=values[self.coding.withheld],
                    target=0 if preset else target,
                ),
            )
            files[place] = StripFile.of(run)
            first = {} if runs else self.result.show_run(run, values[self._session.address])
            runs = (*runs, run)
            yield {
                self._session.runs: runs,
                **self.result.show_progress(runs, files),
                **first,
            }
        took = f"{counted(len(runs), 'file')} written and painted in {time.perf_counter() - began:.1f} s."
        yield {self.result.progress: rest_html(took)}

    def _sampling(self, preset: str, values: Mapping[Component, Any]) -> Sampling:
        settings = self.sampling.settings(*(values[component] for component in self.sampling.components))
        if not values[self.own_strength]:
            return settings
        return replace(settings, strength=self._usual_strength(preset, settings.painter))

    def _usual_strength(self, preset: str, painter: str) -> float:
        return usual_sigma(self._pipeline.painters.advise(painter, preset))

    def next_painter(self, painter: str) -> Updates:
        """Return updates to the painter that is offered after another, with its usual settings."""
        names = self._pipeline.painters.names
        following = names[(names.index(painter) + 1) % len(names)]
        return {self.sampling.painter: following, **self.sampling.advise(self._pipeline, following)}

    def rest(self) -> Updates:
        """Return the buttons as they are while nothing runs."""
        return {self.compress_button: gr.Button(interactive=True), **self.result.rest()}
