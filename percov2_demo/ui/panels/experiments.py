"""What becomes of a picture when tokens do not arrive: a transmission that stops, and one with losses."""

import time
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.bitstream import Bitstream, Withheld
from percov2_demo.entropy.packet_loss import draw_lost
from percov2_demo.entropy.schedules import stream_groups
from percov2_demo.sweeps import Outcome, Trial
from percov2_demo.ui.events import MODEL_QUEUE, PAGE_EVENT, Updates, connect_end
from percov2_demo.ui.jobs.painting import paint
from percov2_demo.ui.render.concealment import concealment_html
from percov2_demo.ui.render.metrics import pair_metrics
from percov2_demo.ui.render.note import note_html
from percov2_demo.ui.render.wording import counted, format_size
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.session.page_state import Session
from percov2_demo.ui.session.photo import FittedPhoto
from percov2_demo.ui.session.recording import record
from percov2_demo.ui.session.run import Origin, Run, next_number
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_DRAW_SEED = 255
"""Seeds of what the decoder draws; a stream has a byte for it."""


class Experiments:
    """Their components and handlers.

    Args:
        pipeline: The codec.
        session: What the tabs share.
        stream: State that holds the stream with all its tokens, or None.
        photo: State that holds the photo that it is of, see `FittedPhoto`.
        received: Slider of the groups that have arrived.
    """

    def __init__(
        self, pipeline: "Codec", session: Session, stream: gr.State, photo: gr.State, received: gr.Slider
    ) -> None:
        self._pipeline, self._session = pipeline, session
        self._stream, self._photo, self._received = stream, photo, received
        with gr.Row(equal_height=True):
            with gr.Column(min_width=320, elem_classes="card"):
                gr.HTML(render("panels/cut.html"))
                self.cut_button, self.cut_stop = _create_buttons("Stop here and paint")
                self.cut_note = gr.HTML()
                self.cut_picture = _create_picture("Painted from what has arrived", "cut-picture")
            with gr.Column(min_width=320, elem_classes="card"):
                gr.HTML(render("panels/loss.html"))
                self.share = gr.Slider(0, 100, 20, step=1, label="Tokens lost, %", elem_id="share")
                self.lose_button, self.lose_stop = _create_buttons("Lose them and paint")
                self.lose_map = gr.HTML()
                self.lose_picture = _create_picture("Painted with the gaps filled in", "lose-picture")
        with gr.Accordion("How the model draws what is missing", open=False):
            self.seed = gr.Slider(
                0, MAX_DRAW_SEED, 0, step=1, label="Seed of the draw", info="Another seed, other tokens."
            )
            self.temperature = gr.Slider(
                0, 2, 1, step=1 / 16, label="Temperature", info="0 takes the likeliest tokens, 2 bold ones."
            )
        self._connect()

    @property
    def results(self) -> list[Component]:
        """What is emptied when another stream comes."""
        return [self.cut_note, self.cut_picture, self.lose_map, self.lose_picture]

    def _connect(self) -> None:
        for run, choice, results, button, stop in (
            (self.cut, self._received, [self.cut_note, self.cut_picture], self.cut_button, self.cut_stop),
            (self.lose, self.share, [self.lose_map, self.lose_picture], self.lose_button, self.lose_stop),
        ):
            started = button.click(_busy, outputs=[button, stop], **PAGE_EVENT)
            running = started.then(
                friendly(run),
                [self._stream, self._photo, self._session.runs, choice, self.seed, self.temperature],
                [self._session.runs, *results],
                show_progress_on=results[-1],
                api_visibility="private",
                **MODEL_QUEUE,
            )
            connect_end(running, stop, _idle, outputs=[button, stop])

    def cut(
        self,
        stream: Bitstream | None,
        photo: FittedPhoto,
        runs: Sequence[Run],
        received: int,
        seed: int,
        temperature: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio asks for it)
    ) -> Iterator[Updates]:
        """Paint what a decoder makes of the first groups: it draws the others from the entropy model."""
        stream = _present(stream)
        groups = stream_groups(stream.header)
        file = stream
        if received < len(groups):
            withheld = Withheld(received, seed, temperature)
            file = self._pipeline.recode(stream, None, stream.entropy, stream.entropy_steps, withheld)
        sent, count = sum(map(len, groups[:received])), stream.indices.size
        yield {
            self.cut_note: note_html(
                f"{sent:,} of {count:,} tokens were sent, {count - sent:,} drawn.",
                lead=f"{received} of {len(groups)} groups, a file of {format_size(len(file.to_bytes()))}.",
            ),
            self.cut_picture: None,
        }
        note = f"{counted(received, 'group')} of {len(groups)} received"
        run = yield from self._paint(file, file, photo, runs, note, progress)
        yield {self.cut_picture: run.picture, self._session.runs: (run,)}

    def lose(
        self,
        stream: Bitstream | None,
        photo: FittedPhoto,
        runs: Sequence[Run],
        percent: int,
        seed: int,
        temperature: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how gradio asks for it)
    ) -> Iterator[Updates]:
        """Paint what a decoder makes of a stream with gaps: it fills them in from the entropy model."""
        stream = _present(stream)
        lost = draw_lost(stream.indices.size, percent / 100, seed)
        concealed = self._pipeline.conceal(stream, lost, seed, temperature)
        yield {self.lose_map: concealment_html(stream.indices, concealed.indices, lost), self.lose_picture: None}
        note = f"{len(lost):,} of {counted(stream.indices.size, 'token')} lost"
        run = yield from self._paint(concealed, stream, photo, runs, note, progress)
        yield {self.lose_picture: run.picture, self._session.runs: (run,)}

    def _paint(
        self,
        received: Bitstream,
        sent: Bitstream,
        photo: FittedPhoto,
        runs: Sequence[Run],
        note: str,
        progress: gr.Progress,
    ) -> Generator[Any, None, Run]:
        """Paint what was received, and return it as a run of the file that was sent."""
        started = time.perf_counter()
        settings = self._pipeline.painters.own.settle(sent.preset)
        painted = yield from paint(self._pipeline, received, settings, progress)
        metrics = pair_metrics(photo.open(), painted.picture) | {"agreement": painted.agreement}
        trial = Trial(sent.preset, sent.caption, settings)
        number = next_number(runs)
        outcome = Outcome(trial, sent, painted.picture, metrics, time.perf_counter() - started)
        withheld = 0 if sent.withheld is None else len(stream_groups(sent.header)) - sent.withheld.sent
        origin = Origin(photo.received, photo.fit, sent.entropy, withheld)
        return record(outcome, photo, number, number, origin=origin, note=note)


def _create_buttons(label: str) -> tuple[gr.Button, gr.Button]:
    return gr.Button(label, variant="primary"), gr.Button("Stop", variant="stop", visible=False)


def _create_picture(label: str, element_id: str) -> gr.Image:
    return gr.Image(
        label=label,
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id=element_id,
        alt_text=label,
    )


def _present(stream: Bitstream | None) -> Bitstream:
    if stream is None:
        raise gr.Error("Press Look inside first: the stream of an earlier visit is gone.", print_exception=False)
    return stream


def _busy() -> tuple[gr.Button, gr.Button]:
    return gr.Button(visible=False), gr.Button(visible=True)


def _idle() -> tuple[gr.Button, gr.Button]:
    return gr.Button(visible=True), gr.Button(visible=False)
