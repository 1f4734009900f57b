"""What the tabs of one visitor's page share."""

from dataclasses import dataclass

import gradio as gr

from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS
from percov2_demo.ui.scripts import ADDRESS_SCRIPT, constant_script


@dataclass(frozen=True)
class Session:
    """Components without looks.

    Attributes:
        demo: The page.
        address: Where the page is, without query: what links are made of.
        address_script: JavaScript that tells it, for events of the page's load, when `address` is not filled yet.
        linked: Text of the stream that the page's address carries; empty without.
        runs: The finished `Run`s of the visitor's last job, oldest first; empty before the first. Its `change` event
            tells of every run, and once or more of none.
    """

    demo: gr.Blocks
    address: gr.Textbox
    address_script: str
    linked: gr.Textbox
    runs: gr.State

    @classmethod
    def create(cls, demo: gr.Blocks, public_url: str | None = None) -> "Session":
        """Add the components to the page that is being built.

        Args:
            demo: The page.
            public_url: Where others reach the page; None for wherever the visitor does.
        """
        address = gr.Textbox(visible=False)
        # A text, because gradio (6.31) tells of a state's change when it is first skipped; hidden, because what is not
        # in the page at all changes without telling.
        linked = gr.Textbox(visible="hidden", show_label=False)
        script = ADDRESS_SCRIPT if public_url is None else constant_script(public_url)
        session = cls(demo, address, script, linked, gr.State((), time_to_live=STATE_LIFETIME_SECONDS))
        demo.load(None, outputs=session.address, js=script, **PAGE_EVENT)
        return session
