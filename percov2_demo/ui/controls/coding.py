"""How a photo is coded: preset, fit, and what an entropy model is asked to do."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.bitstream import SCHEDULES, Withheld, usual_steps
from percov2_demo.entropy.schedules import schedule
from percov2_demo.images import FITS
from percov2_demo.presets import NOMINAL_SIDE, Preset, get_preset
from percov2_demo.ui.events import PAGE_EVENT
from percov2_demo.ui.session.run import Origin


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

_DEFAULT_ENTROPY = "default"

_FIT_LABELS = {
    "native": "Native: keep the aspect ratio",
    "crop": f"Crop: the middle, {NOMINAL_SIDE}×{NOMINAL_SIDE}",
    "squash": f"Squash: stretch to {NOMINAL_SIDE}×{NOMINAL_SIDE}, the papers' protocol",
}


class CodingControls:
    """The components of the coding.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "Codec"):
        self._pipeline = pipeline
        presets = [get_preset(name) for name in pipeline.presets]
        has_entropy_models = pipeline.has_entropy_models
        self.preset = gr.Radio(
            [(_preset_label(preset), preset.name) for preset in presets],
            value=presets[0].name,
            label="Preset",
            info=f"More bytes, more likeness. Tokens of {NOMINAL_SIDE}×{NOMINAL_SIDE} pixels"
            f"{', before entropy coding' * has_entropy_models}.",
            elem_classes="preset-cards",
            render=False,
        )
        self.entropy = gr.Radio(
            [("The model's best", _DEFAULT_ENTROPY), *((name, name) for name in SCHEDULES)],
            value=_DEFAULT_ENTROPY,
            label="Entropy schedule",
            info="In which order the tokens are predicted from each other.",
            visible=has_entropy_models,
            render=False,
        )
        self.withheld = gr.Slider(
            0,
            self._group_count(presets[0].name, _DEFAULT_ENTROPY, (NOMINAL_SIDE, NOMINAL_SIDE)),
            0,
            step=1,
            label="Groups not sent",
            info="The decoder draws the schedule's last groups from its entropy model: fewer bytes, more invention.",
            visible=has_entropy_models,
            render=False,
        )
        self.fit = gr.Radio([(_FIT_LABELS[fit], fit) for fit in FITS], value=FITS[0], label="Fit", render=False)

    def render_advanced(self) -> None:
        """Lays out, in the current context, all but the preset."""
        self.entropy.render()
        self.withheld.render()
        self.fit.render()
        gr.on(
            [self.preset.input, self.entropy.input],
            self.offer_groups,
            [self.preset, self.entropy],
            self.withheld,
            **PAGE_EVENT,
        )

    @property
    def components(self) -> list[Component]:
        """Inputs for an event whose handler calls `compress_options`; the fit is applied before."""
        return [self.preset, self.entropy, self.withheld]

    def offer_groups(self, preset: str, entropy: str, withheld: int = 0) -> gr.Slider:
        """The slider for the groups that the schedule has, of which so many are not sent."""
        count = self._group_count(preset, entropy, (NOMINAL_SIDE, NOMINAL_SIDE))
        return gr.Slider(maximum=count, value=withheld)

    def restore(self, preset: str, origin: Origin | None) -> dict[Component, Any]:
        """Updates to an earlier run's coding.

        Args:
            preset: The run's preset.
            origin: What its stream was made from; None brings the first values, and leaves the fit.
        """
        entropy, withheld = (origin.entropy, origin.withheld) if origin else (_DEFAULT_ENTROPY, 0)
        updates = {
            self.preset: preset,
            self.entropy: entropy,
            self.withheld: self.offer_groups(preset, entropy, withheld),
        }
        return updates | ({self.fit: origin.fit} if origin else {})

    def compress_options(self, values: Mapping[Component, Any], size: tuple[int, int]) -> dict[str, Any]:
        """Arguments for the pipeline's `compress`.

        Args:
            values: What the visitor chose.
            size: Width and height in pixels of the fitted photo.
        """
        preset, entropy = values[self.preset], values[self.entropy]
        options = {"preset": preset, "entropy": None if entropy == _DEFAULT_ENTROPY else entropy}
        if values[self.withheld]:
            sent = max(0, self._group_count(preset, entropy, size) - values[self.withheld])
            options["withheld"] = Withheld(sent)
        return options

    def _group_count(self, preset: str, entropy: str, size: tuple[int, int]) -> int:
        if entropy == _DEFAULT_ENTROPY:
            entropy = self._pipeline.default_entropy(preset)
        grid = get_preset(preset).grid(*size)
        return len(schedule(entropy, *grid, usual_steps(entropy, grid) or 1))


def _preset_label(preset: Preset) -> str:
    rows, columns = preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)
    size = preset.index_bytes(NOMINAL_SIDE, NOMINAL_SIDE)
    return f"{preset.name.capitalize()}\n{columns}×{rows} · {size} B\n{preset.nominal_bpp:.4f} bpp"
