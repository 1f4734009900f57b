"""What the tabs of one visitor's page share."""

import filecmp
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from percov2_demo.ui.events import PAGE_EVENT, STATE_LIFETIME_SECONDS
from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.scripts import ADDRESS_SCRIPT, constant_script


@dataclass(frozen=True)
class Session:
    """Components without looks, and which photos the page offers.

    Attributes:
        demo: The page.
        address: Where the page is, without query: what links are made of.
        address_script: JavaScript that tells it, for events of the page's load, when `address` is not filled yet.
        linked: Text of the stream that the page's address carries; empty without.
        runs: The finished `Run`s of the visitor's last job, oldest first; empty before the first. Its `change` event
            tells of every run, and once or more of none.
        offered: Photos that are no visitor's own: the examples, and the slides of a kiosk.
    """

    demo: gr.Blocks
    address: gr.Textbox
    address_script: str
    linked: gr.Textbox
    runs: gr.State
    offered: tuple[Path, ...]

    @classmethod
    def create(cls, demo: gr.Blocks, public_url: str | None = None, slides: Sequence[Path] = ()) -> "Session":
        """Add the components to the page that is being built.

        Args:
            demo: The page.
            public_url: Where others reach the page; None for wherever the visitor does.
            slides: Photos that a kiosk shows.
        """
        address = gr.Textbox(visible=False)
        # A text, because gradio (6.31) tells of a state's change when it is first skipped; hidden, because what is not
        # in the page at all changes without telling.
        linked = gr.Textbox(visible="hidden", show_label=False)
        script = ADDRESS_SCRIPT if public_url is None else constant_script(public_url)
        runs = gr.State((), time_to_live=STATE_LIFETIME_SECONDS)
        offered = (*(Path(photo) for photo, _ in example_photos()), *slides)
        session = cls(demo, address, script, linked, runs, offered)
        demo.load(None, outputs=session.address, js=script, **PAGE_EVENT)
        return session

    def is_own(self, photo: str | Path) -> bool:
        """Tell whether a photo is the visitor's own, whatever its file is called; one that is gone is."""
        return not Path(photo).is_file() or not any(
            known.is_file() and filecmp.cmp(photo, known, shallow=False) for known in self.offered
        )
