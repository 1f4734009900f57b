"""Stands in for the package `spaces` on a ZeroGPU Space: decorated generators run in a forked process.

As there, arguments, what is yielded and what is raised are pickled; errors other than `gr.Error` lose their text; and
closing the generator is told to the process when it yields next.
"""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import gradio as gr


reserved: list[int] = []
"""Durations that were asked for."""

_context = multiprocessing.get_context("fork")


def GPU(*, duration: Callable[..., int]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: N802
    def decorate(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        @wraps(task)
        def handler(*arguments: Any) -> Iterator[Any]:
            reserved.append(duration(*arguments))
            pickled, results, stop = _context.SimpleQueue(), _context.SimpleQueue(), _context.Event()
            worker = _context.Process(target=_work, args=(task, pickled, results, stop), daemon=True)
            worker.start()
            pickled.put(arguments)
            try:
                while True:
                    kind, value = results.get()
                    if kind == "end":
                        break
                    if kind == "error":
                        raise value
                    yield value
            finally:
                stop.set()
                while kind == "value":
                    kind, _ = results.get()
                worker.join()

        return handler

    return decorate


def _work(task: Callable[..., Iterator[Any]], pickled: Any, results: Any, stop: Any) -> None:
    # In a new thread, as `spaces` does it: a forked process has none of its parent's OpenMP threads to wait for.
    thread = threading.Thread(target=_iterate, args=(task, pickled.get(), results, stop))
    thread.start()
    thread.join()


def _iterate(task: Callable[..., Iterator[Any]], arguments: tuple[Any, ...], results: Any, stop: Any) -> None:
    iterator = task(*arguments)
    try:
        for value in iterator:
            if stop.is_set():
                iterator.close()
                break
            results.put(("value", value))
    except gr.Error as error:
        results.put(("error", error))
    except Exception as error:
        results.put(("error", gr.Error(type(error).__name__)))
    else:
        results.put(("end", None))
