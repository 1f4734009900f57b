"""A page that is a vote over two folders of pictures, for studies."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from percov2_demo.errors import InputError
from percov2_demo.files.atomic import write_bytes
from percov2_demo.files.csv_table import csv_bytes
from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.panels.vote import VotePanel
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.gradio_internals import FriendlyBlocks, share_queue_fairly
from percov2_demo.ui.session.ballot import Ballot, Pair
from percov2_demo.ui.templates import render


MAX_WAITING_VOTERS = 64


def build_vote(pairs: Sequence[Pair], out: Path | None = None) -> gr.Blocks:
    """Lay out the page; each visitor gets the pairs in an order and on sides of their own.

    Args:
        pairs: What is voted on.
        out: Folder that gets a CSV file of each voter's votes; None keeps them in the visitors' sessions.
    """
    with FriendlyBlocks(title="Which do you believe?", analytics_enabled=False) as demo:
        gr.HTML(render("vote_page.html"))
        panel = VotePanel(None if out is None else lambda ballot: _write(ballot, out))
        demo.load(friendly(lambda: panel.begin(pairs)), outputs=panel.components, **PAGE_EVENT)
    return share_queue_fairly(demo, MAX_WAITING_VOTERS)


def _write(ballot: Ballot, out: Path) -> None:
    try:
        write_bytes(out / f"votes-{ballot.voter}.csv", csv_bytes(ballot.to_rows()))
    except OSError as error:
        raise InputError("The vote could not be written down: tell the host, and vote again.") from error
