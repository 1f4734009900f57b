"""Everything of gradio that is not public, in one place: it is that of 6.31, the minor version that is required.

The names of gradio's own routes stand in `limits.py` and `files.py`, its CSS classes in `style.css`.
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from fastapi import FastAPI
from gradio.blocks import BlockFunction
from gradio.processing_utils import save_bytes_to_cache
from gradio.state_holder import SessionState
from gradio.utils import get_upload_folder

from percov2_demo.ui.server.errors import MALFORMED_SENTENCE, visible_error
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
