"""How a photo is coded: preset, fit, and what an entropy model is asked to do."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.bitstream import SCHEDULES, Withheld, usual_steps
from percov2_demo.checkpoints.folders import typical_sizes
from percov2_demo.entropy.schedules import schedule
from percov2_demo.images import FITS
from percov2_demo.presets import NOMINAL_SIDE, Preset, get_preset
from percov2_demo.ui.events import PAGE_EVENT, Updates
from percov2_demo.ui.session.run import DEFAULT_ENTROPY, Origin


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

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
        sizes = typical_sizes(pipeline.name_or_path)
        self.presets = gr.CheckboxGroup(
            [(_preset_label(preset, sizes.get(preset.name)), preset.name) for preset in presets],
            value=list(pipeline.presets),
            label="Rates",
            info=f"A file of each is made. Bytes are of {NOMINAL_SIDE}×{NOMINAL_SIDE} pixels"
            f"{', the mean of the Kodak pictures' if sizes else ', before entropy coding' * has_entropy_models}.",
            elem_classes="choices",
            render=False,
        )
        self.entropy = gr.Radio(
            [("The model's best", DEFAULT_ENTROPY), *((name, name) for name in SCHEDULES)],
            value=DEFAULT_ENTROPY,
            label="Entropy schedule",
            info="In which order the tokens are predicted from each other.",
            visible=has_entropy_models,
            render=False,
        )
        self.withheld = gr.Slider(
            0,
            self._largest_count(pipeline.presets, DEFAULT_ENTROPY),
            0,
            step=1,
            label="Groups not sent",
            info="The decoder draws the schedule's last groups from its entropy model: fewer bytes, more invention.",
            visible=has_entropy_models,
            render=False,
        )
        self.fit = gr.Radio([(_FIT_LABELS[fit], fit) for fit in FITS], value=FITS[0], label="Fit", render=False)

    def render_advanced(self) -> None:
        """Lay out, in the current context, all but the presets."""
        self.entropy.render()
        self.withheld.render()
        self.fit.render()
        gr.on(
            [self.presets.input, self.entropy.input],
            self.offer_groups,
            [self.presets, self.entropy],
            self.withheld,
            **PAGE_EVENT,
        )

    @property
    def components(self) -> list[Component]:
        """Inputs for an event whose handler calls `compress_options`; the fit is applied before."""
        return [self.presets, self.entropy, self.withheld]

    def ordered(self, presets: Sequence[str]) -> list[str]:
        """List the presets that the visitor chose, the one of the largest files first.

        Raises:
            gr.Error: There is none.
        """
        chosen = [name for name in reversed(self._pipeline.presets) if name in presets]
        if not chosen:
            raise gr.Error("Choose at least one rate.", print_exception=False)
        return chosen

    def offer_groups(self, presets: Sequence[str], entropy: str, withheld: int = 0) -> gr.Slider:
        """Return the slider for the groups that the schedule has, of which so many are not sent."""
        return gr.Slider(maximum=self._largest_count(presets, entropy), value=withheld)

    def restore(self, preset: str, origin: Origin | None) -> Updates:
        """Return updates to an earlier run's coding.

        Args:
            preset: The run's preset.
            origin: What its stream was made from; None brings the first values, and leaves the fit.
        """
        entropy, withheld = (origin.entropy, origin.withheld) if origin else (DEFAULT_ENTROPY, 0)
        updates = {
            self.presets: [preset],
            self.entropy: entropy,
            self.withheld: self.offer_groups([preset], entropy, withheld),
        }
        return updates | ({self.fit: origin.fit} if origin else {})

    def compress_options(self, preset: str, values: Mapping[Component, Any], size: tuple[int, int]) -> dict[str, Any]:
        """Return arguments for the pipeline's `compress`.

        Args:
            preset: One of the chosen presets.
            values: What the visitor chose.
            size: Width and height in pixels of the fitted photo.
        """
        entropy = values[self.entropy]
        options = {"preset": preset, "entropy": None if entropy == DEFAULT_ENTROPY else entropy}
        if values[self.withheld]:
            sent = max(0, self._group_count(preset, entropy, size) - values[self.withheld])
            options["withheld"] = Withheld(sent)
        return options

    def _largest_count(self, presets: Sequence[str], entropy: str) -> int:
        size = (NOMINAL_SIDE, NOMINAL_SIDE)
        return max((self._group_count(preset, entropy, size) for preset in presets), default=1)

    def _group_count(self, preset: str, entropy: str, size: tuple[int, int]) -> int:
        if entropy == DEFAULT_ENTROPY:
            entropy = self._pipeline.default_entropy(preset)
        grid = get_preset(preset).grid(*size)
        return len(schedule(entropy, *grid, usual_steps(entropy, grid) or 1))


def _preset_label(preset: Preset, size: float | None) -> str:
    """Write a card of three lines; the size is measured, or else counted before entropy coding."""
    rows, columns = preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)
    packed = preset.index_bytes(NOMINAL_SIDE, NOMINAL_SIDE)
    told = f"{packed:,} bytes" if size is None else f"≈ {size:,.0f} bytes"
    return f"{preset.name.capitalize()}\n{told}\n{columns}×{rows} tokens"
