"""A run in large: its picture beside the original, its numbers, and its files to take away."""

import gradio as gr
from gradio.components import Component

from percov2_demo.ui.events import Updates
from percov2_demo.ui.panels.comparison import create_comparison
from percov2_demo.ui.panels.run_cards import heading_html, picture_html
from percov2_demo.ui.render.breakdown import breakdown_summary, fields_html
from percov2_demo.ui.render.metrics import metric_fields
from percov2_demo.ui.server.files import kept_file, save_download
from percov2_demo.ui.session.run import Run


class RunView:
    """The components, laid out in the current context.

    Args:
        picture_id: Identity of the comparison on the page.
    """

    def __init__(self, picture_id: str) -> None:
        self.heading = gr.HTML(elem_classes="headline")
        self.picture = create_comparison(elem_id=picture_id)
        self.numbers = gr.HTML()
        with gr.Row(elem_classes="downloads"):
            self.stream_download = gr.DownloadButton("Download .pcv2", min_width=120)
            self.picture_download = gr.DownloadButton("Download PNG", min_width=120)
            self.json_download = gr.DownloadButton("Download JSON", min_width=120)

    @property
    def components(self) -> list[Component]:
        """Outputs for an event whose handler uses `show`."""
        downloads = [self.stream_download, self.picture_download, self.json_download]
        return [self.heading, self.picture, self.numbers, *downloads]

    def show(self, run: Run) -> Updates:
        """Return the updates that show a run."""
        name = f"run-{run.number}-{run.preset}"
        picture = kept_file(run.picture)
        rate = ("Rate", f"{run.rates.file_bpp:.4f} bpp")
        return {
            self.heading: heading_html(run),
            self.picture: picture_html(run),
            self.numbers: fields_html([*metric_fields(run.metrics), rate, ("File", breakdown_summary(run.rates))]),
            self.stream_download: gr.DownloadButton(value=save_download(run.stream, f"{name}.pcv2")),
            self.picture_download: gr.DownloadButton(value=picture, interactive=picture is not None),
            self.json_download: gr.DownloadButton(value=save_download(run.to_json(), f"{name}.json")),
        }
