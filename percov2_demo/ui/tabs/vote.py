"""A vote between the pictures of the session."""

from collections.abc import Sequence

import gradio as gr

from percov2_demo.ui.events import PAGE_EVENT, Updates
from percov2_demo.ui.panels.vote import VotePanel
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import kept_file
from percov2_demo.ui.session.ballot import pair_runs
from percov2_demo.ui.session.run import Run
from percov2_demo.ui.templates import render


class VoteTab:
    """The tab's components and handlers.

    Args:
        runs: State with the runs on the session's board.
    """

    def __init__(self, runs: gr.State) -> None:
        self.welcome = gr.HTML(render("tabs/vote_welcome.html"))
        self.panel = VotePanel()
        self.start = gr.Button("Begin the vote", variant="primary")
        self.start.click(friendly(self.begin), runs, [self.welcome, self.start, *self.panel.components], **PAGE_EVENT)

    def begin(self, runs: Sequence[Run]) -> Updates:
        """Pair what was painted of each photo.

        Args:
            runs: The runs on the board.
        """
        pairs = pair_runs([run for run in runs if kept_file(run.picture) and kept_file(run.photo)])
        if not pairs:
            message = "Paint at least two pictures of one photo first: Compress makes one of each rate."
            raise gr.Error(message, print_exception=False)
        return {
            self.welcome: gr.HTML(visible=False),
            self.start: gr.Button("Begin a new vote", variant="secondary", size="sm", elem_classes="centred"),
            **self.panel.begin(pairs),
        }
