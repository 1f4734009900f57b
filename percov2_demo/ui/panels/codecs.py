"""The same photo in other codecs at the same bytes, or in the fewest that a codec can write."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.errors import CodecError
from percov2_demo.evaluation.baselines import Codec, Coded, Ladder, available_codecs
from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.panels.comparison import comparison_html
from percov2_demo.ui.panels.run_cards import create_run_list
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.scripts import scroll_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import file_url, kept_file, png_bytes, save_download
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.templates import render


_QUEUE = PAGE_EVENT | {"concurrency_id": "codecs", "concurrency_limit": 1}
"""Their searches take seconds of a processor, but not of the model."""

_PHOTO = "The photo"

_NEAREST = "jpeg2000"
"""The codec whose files come nearest to these sizes, so the one that is shown unasked."""


@dataclass(frozen=True)
class Card:
    """A picture beside others.

    Attributes:
        name: Of its codec.
        text: Its bytes, or why there is no picture.
        path: The picture's file; empty without.
        fits: Whether it is of as many bytes as were to be had.
        is_rival: Whether it can be laid beside what came from the file.
    """

    name: str
    text: str
    path: str = ""
    fits: bool = True
    is_rival: bool = True

    @property
    def url(self) -> str:
        """Where the browser finds the picture; empty without."""
        return file_url(self.path) if self.path else ""


class CodecComparison:
    """A run's photo, what came back of it, and other codecs: the nearest when it is opened, the rest when asked for.

    Args:
        run: State with the `Run` that is shown, or None.
        comparison: Where a picture is laid beside the run's, see `panels.comparison`, and its `elem_id`.
    """

    def __init__(self, run: gr.State, comparison: gr.HTML):
        with gr.Accordion("Other codecs", open=False, elem_classes="fold") as self.fold:
            self._done = gr.State([], time_to_live=STATE_LIFETIME_SECONDS)
            self.cards = create_run_list(elem_id="codecs")
            self.button = gr.Button("Add JPEG, WebP, AVIF, …", visible=False)
        shown = [self._done, self.cards, self.button]
        self.fold.expand(friendly(self.compare_nearest), run, shown, **_QUEUE)
        self.button.click(friendly(self.compare_others), [run, self._done], shown, **_QUEUE)
        chosen = self.cards.select(friendly(self.lay_beside), [run, self._done], comparison, **PAGE_EVENT)
        chosen.success(None, js=scroll_script(str(comparison.elem_id)), **PAGE_EVENT)

    @property
    def components(self) -> list[Component]:
        """Outputs for an event whose handler uses `clear`."""
        return [self.fold, self.cards, self.button]

    def compare_nearest(self, run: Run | None) -> Updates:
        """Code the run's photo in the codec that comes nearest.

        Args:
            run: The run that is shown.
        """
        if run is None or run.original is None:
            return gr.skip()
        size = len(run.stream)
        photo = format_size(run.rates.original_bytes) if run.rates.original_bytes else ""
        cards = [
            Card(_PHOTO, photo, run.original),
            Card("From the file", format_size(size), run.picture, is_rival=False),
        ]
        codecs = available_codecs()
        if _NEAREST in codecs:
            cards.append(_coded_card(codecs[_NEAREST], _original(run), size))
        return {
            self._done: cards,
            self.cards: _cards_html(cards, size),
            self.button: gr.Button(visible=bool(codecs.keys() - {_NEAREST})),
        }

    def compare_others(self, run: Run | None, cards: list[Card]) -> Iterator[Updates]:
        """Code the run's photo in all other codecs and show each as soon as it is done.

        Args:
            run: The run that is shown.
            cards: What `compare_nearest` made.
        """
        if run is None or run.original is None:
            raise gr.Error("Compress a photo first.", print_exception=False)
        original, size = _original(run), len(run.stream)
        codecs = [codec for name, codec in available_codecs().items() if name != _NEAREST]
        yield {self.button: gr.Button(visible=False), self.cards: _cards_html(cards, size, is_going_on=True)}
        for number, codec in enumerate(codecs, start=1):
            cards = [*cards, _coded_card(codec, original, size)]
            yield {self._done: cards, self.cards: _cards_html(cards, size, is_going_on=number < len(codecs))}

    def lay_beside(self, run: Run | None, cards: list[Card], event: gr.SelectData) -> str:
        """Lay a codec's picture, or the photo, beside what came from the file.

        Args:
            run: The run that is shown.
            cards: All of its cards; the event tells which.
        """
        card = cards[int(event.index)] if int(event.index) < len(cards) else None
        if run is None or card is None or not (kept_file(card.path) and kept_file(run.picture)):
            raise gr.Error("This picture is no longer here: compress the photo again.", print_exception=False)
        size = run.fields["width"], run.fields["height"]
        if card.name == _PHOTO:
            return comparison_html(card.path, run.picture, size)
        return comparison_html(card.path, run.picture, size, names=(f"{card.name}, {card.text}", _told(run)))

    def clear(self, size: int | None = None) -> Updates:
        """Return the updates for another run; `size` are the bytes of its file, where it is written."""
        told = "Other codecs" if size is None else f"Other codecs at {format_size(size)}"
        return {
            self.fold: gr.Accordion(label=told, open=False),
            self.cards: "",
            self.button: gr.Button(visible=False),
        }


def _original(run: Run) -> Image.Image:
    assert run.original is not None
    with Image.open(run.original) as file:
        return file.convert("RGB")


def _coded_card(codec: Codec, original: Image.Image, size: int) -> Card:
    try:
        coded = Ladder(original, codec).at_most(size)
    except CodecError as error:
        return Card(codec.label, str(error), fits=False)
    path = save_download(png_bytes(coded.picture), f"{codec.name}.png")
    return Card(codec.label, _verdict(coded, size), path, coded.fits)


def _told(run: Run) -> str:
    return f"From the file, {format_size(len(run.stream))}"


def _verdict(coded: Coded, size: int) -> str:
    actual = len(coded.data)
    if coded.fits:
        return format_size(actual)
    ratio = actual / size
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    return f"{format_size(actual)}, {times} times as many: it cannot do with less"


def _cards_html(cards: Sequence[Card], size: int, is_going_on: bool = False) -> str:
    return render("panels/codecs.html", cards=cards, size=format_size(size), is_going_on=is_going_on)
