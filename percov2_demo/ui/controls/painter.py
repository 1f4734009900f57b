"""Choose who paints, where more than one painter is offered."""

from typing import TYPE_CHECKING

import gradio as gr

from percov2_demo.sampling.settings import OWN
from percov2_demo.ui.render.wording import painter_label


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec


def create_painter_choice(pipeline: "Codec") -> gr.Dropdown:
    """Lay out the choice in the current context; it shows only where there is one."""
    names = pipeline.painters.names
    return gr.Dropdown(
        [(painter_label(name), name) for name in names],
        value=OWN,
        label="Painter",
        info="Who paints the picture; the file is the same for all. A public model is loaded when it is first asked.",
        visible=len(names) > 1,
    )
