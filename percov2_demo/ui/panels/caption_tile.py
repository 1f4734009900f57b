"""One caption's result in the caption lab."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.sweeps import Outcome, difference
from percov2_demo.ui.render.plots import AXES, heat_map
from percov2_demo.ui.server.files import png_bytes, save_download
from percov2_demo.ui.session.run import CaptionSource


DIFFERENCE_PEAK = 64
"""Difference, of 255, that a map shows lightest; the same for all maps, so that they compare."""


@dataclass(frozen=True)
class CaptionTile:
    """The components: a picture, its caption and bytes, and where it differs from the picture without a caption."""

    number: int
    column: gr.Column
    picture: gr.Image
    text: gr.HTML
    map: gr.Image

    @classmethod
    def create(cls, number: int) -> "CaptionTile":
        """Lays a hidden tile out in the current context; number 0 is the picture without a caption."""
        with gr.Column(visible=False, min_width=160, elem_classes="tile") as column:
            name = f"caption {number}" if number else "no caption"
            picture = gr.Image(
                format="png",
                show_label=False,
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_classes="painted",
                alt_text=f"The photo painted with {name}",
            )
            difference_map = gr.Image(
                format="png",
                show_label=False,
                interactive=False,
                buttons=["fullscreen"],
                visible=number > 0,  # The picture without a caption has nothing to differ from.
                elem_classes="difference",
                alt_text=f"Where {name} changed the picture",
            )
            text = gr.HTML()
        return cls(number, column, picture, text, difference_map)

    @property
    def components(self) -> list[Component]:
        """Outputs of an event that fills or empties the tile."""
        return [self.column, self.picture, self.text, self.map]

    def empty(self) -> dict[Component, Any]:
        """Updates that hide the tile and forget what it showed."""
        return {self.column: gr.Column(visible=False), self.picture: None, self.text: "", self.map: None}

    def fill(self, outcome: Outcome, plain: Image.Image, source: CaptionSource, stem: str) -> dict[Component, Any]:
        """Updates that show an outcome.

        Args:
            outcome: The painted picture.
            plain: The picture without a caption.
            source: Who wrote the caption.
            stem: Start of the files' names.
        """
        distance = difference(outcome.picture, plain)
        name = f"{stem}-caption-{self.number}"
        updates: dict[Component, Any] = {
            self.column: gr.Column(visible=True),
            self.picture: save_download(png_bytes(outcome.picture), f"{name}.png"),
            self.text: _text_html(outcome, source, float(distance.mean())),
        }
        if self.number:
            map_picture = heat_map(distance, DIFFERENCE_PEAK)
            updates[self.map] = save_download(png_bytes(map_picture), f"{name}-difference.png")
        return updates


def _text_html(outcome: Outcome, source: CaptionSource, distance: float) -> str:
    sizes = outcome.stream.part_sizes
    caption = outcome.trial.caption
    title = f"“{escape(caption)}”" if caption else "No caption"
    badge = " <small>automatic</small>" if source == "auto" else ""
    change = f"<p>Changes the picture by {distance:.1f} of 255 on average.</p>" if caption else ""
    return (
        f'<div class="tile-text"><h3>{title}{badge}</h3>'
        f"<p><b>{8 * sizes.caption} bits of text</b>: {sizes.caption} of the file's {sum(sizes)} bytes.</p>"
        f"{change}<p>{_bought(outcome)}</p></div>"
    )


def _bought(outcome: Outcome) -> str:
    """Return the metrics that the caption's bytes bought."""
    measured = {name: outcome.metrics.get(name) for name in ("psnr", "deep_realism", "agreement")}
    return " · ".join(f"{AXES[name]} {value:.2f}" for name, value in measured.items() if value is not None)
