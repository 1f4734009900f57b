"""A button that packs runs into a ZIP file and hands it out."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.scripts import FETCH_SCRIPT, drawing_script
from percov2_demo.ui.server.errors import friendly
from percov2_demo.ui.server.files import file_url, save_download
from percov2_demo.ui.session.archive import archive_bytes


def create_archive_button(
    runs: gr.State, plot_id: str, name: str, pack: Callable[[Sequence[Any], str], bytes] = archive_bytes
) -> gr.Button:
    """Lay the button out in the current context; the ZIP file is written when it is pressed.

    Args:
        runs: State with the runs, or with what `pack` takes in their place.
        plot_id: Identity of the element that holds their plot, where there is one.
        name: The ZIP file's name, without ending.
        pack: Writes the file of the state's value and the plot.
    """
    button = gr.Button("Download all as ZIP", min_width=120)
    drawing, address = gr.Textbox(visible=False), gr.Textbox(visible=False)

    def write(runs: Sequence[Any], drawing: str) -> str:
        if not runs:
            raise gr.Error("There is no picture yet: paint one first.", print_exception=False)
        return file_url(save_download(pack(runs, drawing), f"{name}.zip"))

    written = button.click(friendly(write), [runs, drawing], address, js=drawing_script(plot_id), **PAGE_EVENT)
    written.success(None, address, js=FETCH_SCRIPT, **PAGE_EVENT)
    return button
