"""Work in the model's thread, as something to watch and to stop."""

import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar


Event = TypeVar("Event")


def watch(work: Callable[[Callable[[Event], None], Callable[[], bool]], None]) -> Iterator[Event]:
    """Run the work and yield its events as they come.

    Closing the iterator, as gradio does when a visitor presses Stop or leaves, stops the work and waits for its end.

    Args:
        work: Called with a function that takes an event, which is not None, and one that says whether to stop.

    Raises:
        Exception: Whatever the work raises.
    """
    stopped = threading.Event()
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    running = _model_thread().submit(work, events.put, stopped.is_set)
    running.add_done_callback(lambda _: events.put(None))
    try:
        yield from iter(events.get, None)
    finally:
        stopped.set()
        running.cancel()
        wait([running])
    running.result()


@cache
def _model_thread() -> ThreadPoolExecutor:
    """Return one thread for all work: the allocator keeps memory by thread, so a server with more would grow."""
    return ThreadPoolExecutor(max_workers=1)


# Threads do not come along into the workers that a ZeroGPU Space forks.
os.register_at_fork(after_in_child=_model_thread.cache_clear)
