"""A plot with its axes to choose, and what gradio's plot lacks (6.31): a click that reaches the server, and a picture
next to the pointer.
"""

from dataclasses import dataclass

import gradio as gr

from percov2_demo.ui.render.plots import axis_choices


_SCRIPT = """
const panel = element.closest("[role=tabpanel]");
const card = document.createElement("figure");
card.className = "point-card card";
card.hidden = true;
card.append(document.createElement("img"), document.createElement("figcaption"));
card.firstChild.alt = "";
card.firstChild.onerror = () => { card.firstChild.hidden = true; };
panel.append(card);

function show({ points: [point], event }) {
    const [, thumbnail, label] = point.customdata;
    card.firstChild.hidden = !thumbnail;
    card.firstChild.src = thumbnail;
    card.lastChild.textContent = label;
    card.hidden = false;
    const right = event.clientX + 20 + card.offsetWidth < innerWidth;
    card.style.left = Math.max(right ? event.clientX + 20 : event.clientX - 20 - card.offsetWidth, 4) + "px";
    card.style.top = Math.min(event.clientY + 12, innerHeight - card.offsetHeight - 8) + "px";
}

function attach() {
    for (const plot of panel.querySelectorAll(".js-plotly-plot")) {
        if (plot.dataset.bridged || !plot.on) continue;
        plot.dataset.bridged = "true";
        plot.on("plotly_hover", show);
        plot.on("plotly_unhover", () => { card.hidden = true; });
        plot.on("plotly_click", ({ points: [point] }) => {
            card.hidden = true;
            if (point.customdata[0] === null) return;
            trigger("select", { index: point.customdata[0], value: point.customdata[2] });
        });
    }
}

new MutationObserver(attach).observe(panel, { childList: true, subtree: true });
attach();
"""


ALL_PHOTOS = 0
"""Chosen in place of a photo, which is told by the number of its first run."""


@dataclass(frozen=True)
class MetricPlot:
    """Components of a plot of pictures by their metrics.

    Attributes:
        plot: The plot. Its points have `customdata` of number, thumbnail and text. A point without a number cannot be
            clicked, one without a thumbnail shows its text alone.
        bridge: Without looks; its `select` event tells the number of a clicked point.
        x: Column of the abscissa, one of `plots.AXES`.
        y: Column of the ordinate.
        photo: Which photo's pictures are shown, where there may be several.
    """

    plot: gr.Plot
    bridge: gr.HTML
    x: gr.Dropdown
    y: gr.Dropdown
    photo: gr.Dropdown

    @classmethod
    def create(cls, elem_id: str, with_photo: bool = False) -> "MetricPlot":
        """Lay the components out in the current context."""
        plot = gr.Plot(show_label=False, container=False, elem_id=elem_id)
        bridge = gr.HTML(visible="hidden", js_on_load=_SCRIPT)
        with gr.Row():
            photos = [("All photos", ALL_PHOTOS)]
            photo = gr.Dropdown(
                photos, value=ALL_PHOTOS, label="Photo", filterable=False, min_width=140, visible=with_photo
            )
            axes = axis_choices()
            x = gr.Dropdown(axes, value="deep_realism", label="Across", filterable=False, min_width=140)
            y = gr.Dropdown(axes, value="deep_distance", label="Up", filterable=False, min_width=140)
        return cls(plot, bridge, x, y, photo)
