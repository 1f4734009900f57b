"""Vote on pictures two at a time: without names, with the original on request."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import gradio as gr
from gradio.components import Component

from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.images import load_image
from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS, Updates
from percov2_demo.ui.render.wording import counted
from percov2_demo.ui.scripts import FETCH_SCRIPT
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import file_url, png_bytes, save_download
from percov2_demo.ui.session.ballot import Answer, Ballot, Pair, count_votes, draw_ballot
from percov2_demo.ui.templates import render


_ANSWERS: list[tuple[str, Answer]] = [("A", "a"), ("No difference", "same"), ("B", "b")]


class VotePanel:
    """The components and handlers, laid out in the current context; `begin` starts a ballot.

    Args:
        keep: Told each ballot with a new vote, such as to write it down; None keeps it in the session alone.
    """

    def __init__(self, keep: Callable[[Ballot], None] | None = None) -> None:
        self._keep = keep
        self.ballot = gr.State(None, time_to_live=STATE_LIFETIME_SECONDS)
        with gr.Column(visible=False, elem_classes="centred") as self.booth:
            self.pictures = gr.HTML()
            self.likeness = _create_question("Which looks more like a photo?")
            self.closeness = _create_question("Which is closer to the original?", visible=False)
            with gr.Row():
                self.original_button = gr.Button("Show the original", min_width=160)
                self.next_button = gr.Button("Vote", variant="primary", min_width=160)
        self.results = gr.HTML()
        self.download = gr.Button("Download votes as CSV", visible=False)
        address = gr.Textbox(visible=False)
        answers = [self.ballot, self.likeness, self.closeness]
        self.original_button.click(friendly(self.show_original), self.ballot, self.components, **PAGE_EVENT)
        self.next_button.click(friendly(self.vote), answers, self.components, **PAGE_EVENT)
        written = self.download.click(friendly(self.write), self.ballot, address, **PAGE_EVENT)
        written.success(None, address, js=FETCH_SCRIPT, **PAGE_EVENT)

    @property
    def components(self) -> list[Component]:
        """Outputs for an event whose handler uses `begin`."""
        asked = [self.pictures, self.likeness, self.closeness, self.original_button]
        return [self.ballot, self.booth, *asked, self.results, self.download]

    def begin(self, pairs: Sequence[Pair]) -> Updates:
        """Draw a ballot and show its first pair.

        Args:
            pairs: What is voted on.
        """
        return self._show(draw_ballot(pairs, Random()))

    def show_original(self, ballot: Ballot) -> Updates:
        """Show the original beside the two, and ask which is closer."""
        assert ballot.current is not None
        return {
            self.pictures: _pair_html(ballot, with_original=True),
            self.closeness: gr.Radio(visible=True),
            self.original_button: gr.Button(visible=False),
        }

    def vote(self, ballot: Ballot, likeness: Answer | None, closeness: Answer | None) -> Updates:
        """Take down the answers and show the next pair, or the results after the last.

        Args:
            ballot: The ballot so far.
            likeness: Which looks more like a photo.
            closeness: Which is closer; None where the original was not asked for.
        """
        if likeness is None:
            raise gr.Error("Answer first which looks more like a photo.", print_exception=False)
        grown = ballot.cast(likeness, closeness or "")
        if self._keep is not None:
            self._keep(grown)
        return self._show(grown)

    def show_results(self, ballot: Ballot) -> str:
        """Say what was voted; only now the pictures have names."""
        return render(
            "panels/vote_results.html",
            count=counted(len(ballot.votes), "vote"),
            rows=sorted(count_votes(ballot.votes).items(), key=lambda item: -item[1][1]),
        )

    def write(self, ballot: Ballot) -> str:
        """Write the votes as a CSV file and return where the browser finds it."""
        if not ballot.votes:
            raise gr.Error("There is no vote yet.", print_exception=False)
        return file_url(save_download(csv_bytes(ballot.to_rows()), "votes.csv"))

    def _show(self, ballot: Ballot) -> Updates:
        pair = ballot.current
        updates: Updates = {
            self.ballot: ballot,
            self.booth: gr.Column(visible=pair is not None),
            self.download: gr.Button(visible=bool(ballot.votes)),
            self.likeness: None,
            self.closeness: gr.Radio(value=None, visible=False),
            self.results: "" if pair is not None else self.show_results(ballot),
        }
        if pair is None:
            return updates
        original = gr.Button(visible=pair.original is not None)
        return updates | {self.pictures: _pair_html(ballot), self.original_button: original}


def _create_question(label: str, visible: bool = True) -> gr.Radio:
    return gr.Radio(_ANSWERS, label=label, visible=visible, elem_classes=["choices", "versus"])


def _pair_html(ballot: Ballot, with_original: bool = False) -> str:
    pair = ballot.current
    assert pair is not None
    shown = [("A", pair.a.path), ("B", pair.b.path)]
    if with_original and pair.original is not None:
        shown.insert(1, ("Original", pair.original))
    pictures = [(label, load_image(Path(path))) for label, path in shown]
    return render(
        "panels/vote.html",
        ratio=f"{pictures[0][1].width / pictures[0][1].height:.4f}",
        number=len(ballot.votes) + 1,
        count=len(ballot.pairs),
        # Copies, because a picture's own name would tell which it is.
        pictures=[(label, file_url(save_download(png_bytes(picture), "picture.png"))) for label, picture in pictures],
    )
