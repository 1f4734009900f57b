"""What a visitor reads when something goes wrong: one sentence, never a traceback or a path."""

import errno
import html
import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState

from percov2_demo.errors import PerCoError
from percov2_demo.ui.server.values import checked


GENERIC_SENTENCE = "Something went wrong on our side, not yours: please try again."

DISK_FULL_SENTENCE = "The disk of the server is full: please try again in an hour, when old files are deleted."

MALFORMED_SENTENCE = (
    "A value is not of the kind that is asked for here: “Use via API” at the foot of the page lists them all."
)

_logger = logging.getLogger(__name__)


def friendly(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps an event handler, a function or a generator, so that it raises nothing but `gr.Error`.

    The codec's own errors keep their sentence. Any other exception is logged with its traceback, and the visitor
    gets a generic sentence.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return (yield from handler(*args, **kwargs))
            except Exception as error:
                raise _visible(error) from error

    else:

        @wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return handler(*args, **kwargs)
            except Exception as error:
                raise _visible(error) from error

    return guarded


class FriendlyBlocks(gr.Blocks):
    """Blocks that answer every request that fails with a sentence.

    gradio (6.31) does much before a handler runs and after it; what fails there tells of paths, or tells nothing.
    """

    async def process_api(self, block_fn: BlockFunction | int, *args: Any, **kwargs: Any) -> dict[str, Any]:
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        if function.fn is None:  # It runs in the browser, so no page asks for it.
            raise gr.Error(MALFORMED_SENTENCE, print_exception=False)
        try:
            return await super().process_api(block_fn, *args, **kwargs)
        except Exception as error:
            raise _visible(error) from error

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, *args: Any, **kwargs: Any
    ) -> list[Any]:
        try:
            values = [
                value
                if block.stateful
                else checked(state[block._id] if state and block._id in state else block, value)
                for block, value in zip(block_fn.inputs, inputs, strict=True)
            ]
            return await super().preprocess_data(block_fn, values, state, *args, **kwargs)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            raise gr.Error(MALFORMED_SENTENCE, print_exception=False) from error


def sentence(error: Exception) -> str:
    """What an exception says to a visitor; exceptions that are not the codec's own say nothing of themselves."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DISK_FULL_SENTENCE
    if not isinstance(error, PerCoError):
        return GENERIC_SENTENCE
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _visible(error: Exception) -> gr.Error:
    if isinstance(error, gr.Error):
        return error
    if not isinstance(error, PerCoError):
        _logger.error("an event handler failed", exc_info=error)
    # The toast renders HTML, and a message may quote what a visitor sent.
    return gr.Error(html.escape(sentence(error), quote=False), print_exception=False)
