"""The same photo in other codecs at the same bytes, or in the fewest that a codec can write."""

from collections.abc import Iterator
from html import escape

import gradio as gr
from PIL import Image

from percov2_demo.baselines import CodecError, Coded, Ladder, available_codecs
from percov2_demo.ui.errors import friendly
from percov2_demo.ui.files import file_url, format_size, png_bytes, save_download
from percov2_demo.ui.runs import Run
from percov2_demo.ui.sampling import PAGE_EVENT


_QUEUE = PAGE_EVENT | {"concurrency_id": "codecs", "concurrency_limit": 1}
"""Their searches take seconds of a processor, but not of the model."""


class CodecComparison:
    """An accordion with a button: nothing is coded unless asked for.

    Args:
        run: State with the `Run` that is shown, or None.
    """

    def __init__(self, run: gr.State):
        with gr.Accordion("The same bytes in JPEG, WebP, AVIF, …", open=False, elem_id="codecs"):
            button = gr.Button("Compare at equal bytes")
            self.cards = gr.HTML(_waiting_html())
        button.click(friendly(self.compare), run, self.cards, **_QUEUE)

    def compare(self, run: Run | None) -> Iterator[str]:
        """Codes the run's photo in one codec after the other and shows each as soon as it is done.

        Args:
            run: The run that is shown.
        """
        if run is None or run.original is None:
            raise gr.Error("Compress a photo first.", print_exception=False)
        with Image.open(run.original) as file:
            original = file.convert("RGB")
        size = len(run.stream)
        cards = [_card("PerCoV2 Explorer", run.picture, f"{format_size(size)}, the whole file", True)]
        codecs = available_codecs().values()
        for number, codec in enumerate(codecs, start=1):
            try:
                coded = Ladder(original, codec).at_most(size)
                picture = save_download(png_bytes(coded.picture), f"{codec.name}.png")
                cards.append(_card(codec.label, picture, _verdict(coded, size), coded.fits))
            except CodecError as error:
                cards.append(_card(codec.label, None, str(error), False))
            yield _cards_html(cards, number < len(codecs))

    def clear(self) -> dict[gr.HTML, str]:
        """The update for a new run."""
        return {self.cards: _waiting_html()}


def _verdict(coded: Coded, size: int) -> str:
    actual = len(coded.data)
    if coded.fits:
        return f"{format_size(actual)}: it fits"
    return f"{format_size(actual)} at least, {actual / size:.1f} times as many: its smallest file of this photo"


def _card(name: str, picture: str | None, text: str, fits: bool) -> str:
    shown = f'<img src="{escape(file_url(picture))}" alt="The photo in {escape(name)}">' if picture else ""
    kind = "fits" if fits else "too-large"
    return f'<figure class="{kind}">{shown}<figcaption><b>{escape(name)}</b> {escape(text)}</figcaption></figure>'


def _cards_html(cards: list[str], is_going_on: bool) -> str:
    waiting = '<p role="status">Searching for the next …</p>' if is_going_on else ""
    return f'<section class="codec-cards">{"".join(cards)}</section>{waiting}'


def _waiting_html() -> str:
    return "<p>Each codec gets as many bytes as this file has; where it cannot do with so few, its smallest file.</p>"
