"""Work in a thread of its own, as something to watch and to stop."""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar


Event = TypeVar("Event")


def watch(work: Callable[[Callable[[Event], None], Callable[[], bool]], None]) -> Iterator[Event]:
    """Runs the work and yields its events as they come.

    Closing the iterator, as gradio does when a visitor presses Stop or leaves, tells the work to stop and waits.

    Args:
        work: Called with a function that takes an event, which is not None, and one that says whether to stop.

    Raises:
        Exception: Whatever the work raises.
    """
    stopped = threading.Event()
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    with ThreadPoolExecutor(max_workers=1) as executor:
        running = executor.submit(work, events.put, stopped.is_set)
        running.add_done_callback(lambda _: events.put(None))
        try:
            yield from iter(events.get, None)
        finally:
            stopped.set()
    running.result()
