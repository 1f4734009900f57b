"""Everything of gradio that is not public, in one place: it is that of 6.31, the minor version that is required.

The names of gradio's own routes stand in `limits.py` and `files.py`, its CSS classes in `styles/gradio.css`.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import fastapi
import gradio as gr
from anyio.to_thread import run_sync
from fastapi import FastAPI
from gradio.blocks import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.processing_utils import save_bytes_to_cache
from gradio.queueing import Event, Queue
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder

from percov2_demo.ui.server.errors import MALFORMED_SENTENCE, SHARE_FULL_SENTENCE, visible_error
from percov2_demo.ui.server.turns import Turns
from percov2_demo.ui.server.values import checked


class FriendlyBlocks(gr.Blocks):
    """Blocks that answer every request that fails with a sentence.

    gradio does much before a handler runs and after it; what fails there would show paths, or nothing.
    """

    async def process_api(self, block_fn: BlockFunction | int, *args: Any, **kwargs: Any) -> dict[str, Any]:
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        if function.fn is None:  # It runs in the browser, so no page asks for it.
            raise gr.Error(MALFORMED_SENTENCE, print_exception=False)
        try:
            return await super().process_api(block_fn, *args, **kwargs)
        except Exception as error:
            raise visible_error(error) from error

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


class FairQueue(Queue):
    """gradio's queue, of which nobody can have more than a share, and in which visitors take turns.

    Time is shared equally by the network addresses that ask, and what an address gets by its pages and programs:
    otherwise one who opens many pages would get as many shares. Behind a proxy that does not tell whom it stands for,
    all visitors are one address, and the pages share equally.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._turns: defaultdict[str, _Turns] = defaultdict(_Turns)

    async def push(
        self, body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> tuple[bool, Any, Any]:
        waiting = [event for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue]
        of_page = sum(event.session_hash == body.session_hash for event in waiting)
        of_address = sum(_address(event.request) == _address(request) for event in waiting)
        if self.max_size is not None and (of_page >= self.max_size // 4 or of_address >= self.max_size // 2):
            return False, SHARE_FULL_SENTENCE, "queue_full"
        taken, event_id, state = await super().push(body, request, username)
        event = self.event_ids_to_events.get(event_id) if taken else None
        if event is not None:
            self._turns[event.concurrency_id].arrive(event)
        return taken, event_id, state

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        limited = [queue for queue in self.event_queue_per_concurrency_id.values() if queue.concurrency_limit]
        for queue in limited:
            if queue.current_concurrency < queue.concurrency_limit:
                # A stable order: of one page's requests, the first comes first.
                queue.queue.sort(key=self._turns[queue.concurrency_id].due)
        found = super().get_events()
        if found is not None:
            (event, *_), _, name = found
            self._turns[name].begin(event)
        return found

    async def process_events(self, events: list[Event], batch: bool, begin_time: float, fn: BlockFunction) -> None:
        try:
            await super().process_events(events, batch, begin_time, fn)
        finally:
            self._turns[events[0].concurrency_id].book(events[0], time.time() - begin_time)


class _Turns:
    """Turns by address, and among an address's by page."""

    def __init__(self) -> None:
        self._addresses, self._pages = Turns(), Turns()
        self._arrived: dict[str, tuple[float, float]] = {}

    def arrive(self, event: Event) -> None:
        self._arrived[event._id] = (self._addresses.now, self._pages.now)

    def due(self, event: Event) -> tuple[float, float]:
        by_address, by_page = self._arrived.get(event._id, (0.0, 0.0))
        return self._addresses.due(_address(event.request), by_address), self._pages.due(event.session_hash, by_page)

    def begin(self, event: Event) -> None:
        by_address, by_page = self._arrived.pop(event._id, (0.0, 0.0))
        self._addresses.begin(_address(event.request), by_address)
        self._pages.begin(event.session_hash, by_page)

    def book(self, event: Event, seconds: float) -> None:
        self._addresses.book(_address(event.request), seconds)
        self._pages.book(event.session_hash, seconds)


def share_queue_fairly(blocks: gr.Blocks, most: int) -> gr.Blocks:
    """Give blocks a `FairQueue` that holds at most so many requests, and return them."""
    # Otherwise a program may pass the queue by, and run the model as often at a time as it likes.
    blocks.queue(max_size=most, api_open=False)
    given = blocks._queue
    blocks._queue = FairQueue(
        live_updates=given.live_updates,
        concurrency_count=given.max_thread_count,
        update_intervals=given.update_intervals,
        max_size=given.max_size,
        blocks=blocks,
        default_concurrency_limit=given.default_concurrency_limit,
    )
    return blocks


def tool_server() -> dict[str, bool]:
    """Return options of `launch` that make the endpoints tools of an MCP server, where gradio's extra is installed.

    Of an endpoint with several answers, gradio would tell a client that asks for no progress one text of Python.
    """
    if find_spec("mcp") is None:
        return {}
    from gradio.mcp import GradioMCPServer

    async def answers(_server: GradioMCPServer, job: Any) -> list[Any]:
        result = await run_sync(job.result)
        return list(result) if isinstance(result, tuple) else [result]

    GradioMCPServer._execute_tool_without_progress = answers
    return {"mcp_server": True}


def _address(request: fastapi.Request) -> str:
    return request.client.host if request.client else ""


def upload_folder() -> str:
    """Return the folder where gradio keeps what visitors send and get."""
    return get_upload_folder()


def save_to_cache(data: bytes, name: str) -> str:
    """Write a file to a folder of its own below `upload_folder`, and return its path."""
    return save_bytes_to_cache(data, name, cache_dir=get_upload_folder())


def page_files(app: FastAPI) -> Iterator[str]:
    """Yield the paths of the page's own files in gradio's cache, such as its examples."""
    for block in app.get_blocks().blocks.values():
        yield from getattr(block, "keep_in_cache", ())
