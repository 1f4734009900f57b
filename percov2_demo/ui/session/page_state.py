"""What the tabs of one visitor's page share."""

from dataclasses import dataclass

import gradio as gr

from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS
from percov2_demo.ui.scripts import ADDRESS_SCRIPT


@dataclass(frozen=True)
class Session:
    """Components without looks.

    Attributes:
        demo: The page.
        address: Where the page is, without query: what links are made of.
        linked: Text of the stream that the page's address carries; empty without.
        last_run: The last finished `Run`; None before the first. Its `change` event tells of
            every run, and once or more of none.
    """

    demo: gr.Blocks
    address: gr.Textbox
    linked: gr.Textbox
    last_run: gr.State

    @classmethod
    def create(cls, demo: gr.Blocks) -> "Session":
        """Add the components to the page that is being built."""
        address = gr.Textbox(visible=False)
        # A text, because gradio (6.31) tells of a state's change when it is first skipped; hidden, because what is not
        # in the page at all changes without telling.
        linked = gr.Textbox(visible="hidden", show_label=False)
        session = cls(demo, address, linked, gr.State(None, time_to_live=STATE_LIFETIME_SECONDS))
        demo.load(None, outputs=session.address, js=ADDRESS_SCRIPT, **PAGE_EVENT)
        return session
