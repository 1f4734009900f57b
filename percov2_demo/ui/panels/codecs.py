"""The same photo in other codecs at the same bytes, or in the fewest that a codec can write."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.errors import CodecError
from percov2_demo.evaluation.baselines import Codec, Coded, Ladder, available_codecs
from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import file_url, png_bytes, save_download
from percov2_demo.ui.session.run import Run


Updates = dict[Component, Any]

_QUEUE = PAGE_EVENT | {"concurrency_id": "codecs", "concurrency_limit": 1}
"""Their searches take seconds of a processor, but not of the model."""

_NEAREST = "jpeg2000"
"""The codec whose files come nearest to these sizes, so the one that is shown unasked."""


class CodecComparison:
    """A run's photo, what came back of it, and other codecs: the nearest when it is opened, the rest when asked for.

    Args:
        run: State with the `Run` that is shown, or None.
    """

    def __init__(self, run: gr.State):
        with gr.Accordion("Other codecs", open=False, elem_classes="fold") as self.fold:
            self._done = gr.State([], time_to_live=STATE_LIFETIME_SECONDS)
            self.cards = gr.HTML(elem_id="codecs")
            self.button = gr.Button("Add JPEG, WebP, AVIF, …", visible=False)
        shown = [self._done, self.cards, self.button]
        self.fold.expand(friendly(self.compare_nearest), run, shown, **_QUEUE)
        self.button.click(friendly(self.compare_others), [run, self._done], shown, **_QUEUE)

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
        cards = [_card("The photo", run.original, photo), _card("From the file", run.picture, format_size(size))]
        codecs = available_codecs()
        if _NEAREST in codecs:
            cards.append(_coded_card(codecs[_NEAREST], _original(run), size))
        return {
            self._done: cards,
            self.cards: _cards_html(cards, size),
            self.button: gr.Button(visible=bool(codecs.keys() - {_NEAREST})),
        }

    def compare_others(self, run: Run | None, cards: list[str]) -> Iterator[Updates]:
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
            yield {self.cards: _cards_html(cards, size, is_going_on=number < len(codecs))}

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


def _coded_card(codec: Codec, original: Image.Image, size: int) -> str:
    try:
        coded = Ladder(original, codec).at_most(size)
    except CodecError as error:
        return _card(codec.label, None, str(error), False)
    path = save_download(png_bytes(coded.picture), f"{codec.name}.png")
    return _card(codec.label, path, _verdict(coded, size), coded.fits)


def _verdict(coded: Coded, size: int) -> str:
    actual = len(coded.data)
    if coded.fits:
        return format_size(actual)
    ratio = actual / size
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
    return f"{format_size(actual)}, {times} times as many: it cannot do with less"


def _card(name: str, picture: str | None, text: str, fits: bool = True) -> str:
    shown = f'<img src="{escape(file_url(picture))}" alt="{escape(name)}">' if picture else ""
    kind = "" if fits else ' class="too-large"'
    return f"<figure{kind}>{shown}<figcaption><b>{escape(name)}</b> {escape(text)}</figcaption></figure>"


def _cards_html(cards: Sequence[str], size: int, is_going_on: bool = False) -> str:
    waiting = '<p role="status">Searching for the next …</p>' if is_going_on else ""
    return (
        f'<section aria-label="What others make of {format_size(size)}">'
        f'<div class="tiles">{"".join(cards)}</div>{waiting}</section>'
    )
