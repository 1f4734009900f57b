"""What the events of the page have in common: the queue they wait in, how long state lives, how a run ends."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component


if TYPE_CHECKING:
    from gradio.events import Dependency

Updates = dict[Component, Any]
"""What an event changes: components of the page, and their new values or properties."""

PAGE_EVENT = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""Given to every event of the page that runs no model. An event outside the queue shows no error messages."""

MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1}
"""Given to every event that runs the model, its entropy models included: one at a time."""

READING_EVENT = PAGE_EVENT | MODEL_QUEUE
"""Given to every event of the page that runs entropy models alone, which takes moments once its turn has come."""

STATE_LIFETIME_SECONDS = 3600
"""How long a state of the page is kept after its visitor has left."""


def connect_end(
    running: "Dependency",
    stop: gr.Button,
    rest: Callable[..., Any],
    inputs: Sequence[Component] = (),
    outputs: Sequence[Component] = (),
) -> None:
    """Let a button cancel a run, and show when it has ended in whatever way.

    The buttons must not come back with the press of Stop: gradio (6.31) drops a run that is asked for before the
    browser has heard of the last one's end. A cancelled run counts as a success there; after a failed one `failure` is
    called, but not `then`.

    Args:
        running: The run.
        stop: The button that cancels it.
        rest: Makes the updates that show that nothing runs.
        inputs: Its inputs.
        outputs: What it updates.
    """
    stop.click(None, cancels=[running], **PAGE_EVENT)
    for ended in (running.success, running.failure):
        ended(rest, list(inputs), list(outputs), **PAGE_EVENT)
