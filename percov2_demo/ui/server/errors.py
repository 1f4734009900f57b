"""Turn failures into one sentence for the visitor, never a traceback or a path."""

import errno
import html
import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr

from percov2_demo.errors import PerCoError


GENERIC_SENTENCE = "Something went wrong on our side, not yours: please try again."

DISK_FULL_SENTENCE = "The disk of the server is full: please try again in an hour, when old files are deleted."

SHARE_FULL_SENTENCE = "Your share of the queue is full: wait until one of your requests is done."

MALFORMED_SENTENCE = (
    "A value is not of the kind that is asked for here: “Use via API” at the foot of the page lists them all."
)

_logger = logging.getLogger(__name__)


def friendly(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an event handler, a function or a generator, so that it raises nothing but `gr.Error`.

    The codec's own errors keep their sentence. Any other exception is logged with its traceback, and the visitor
    gets a generic sentence.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return (yield from handler(*args, **kwargs))
            except Exception as error:
                raise visible_error(error) from error

    else:

        @wraps(handler)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return handler(*args, **kwargs)
            except Exception as error:
                raise visible_error(error) from error

    return guarded


def sentence(error: Exception) -> str:
    """Return what an exception says to a visitor; the text of those that are not the codec's own is not shown."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DISK_FULL_SENTENCE
    if not isinstance(error, PerCoError):
        return GENERIC_SENTENCE
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def visible_error(error: Exception) -> gr.Error:
    """Turn an exception into what the visitor is shown, and log it with its traceback where it is a bug."""
    if isinstance(error, gr.Error):
        return error
    if not isinstance(error, PerCoError):
        _logger.error("an event handler failed", exc_info=error)
    # The toast renders HTML, and a message may quote what a visitor sent.
    return gr.Error(html.escape(sentence(error), quote=False), print_exception=False)
