"""What a sweep varies: the controls and the trials that they stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components import Component

from percov2_demo.sampling.settings import OWN, Sampling
from percov2_demo.sweeps import Trial, plan
from percov2_demo.ui.controls.painter import create_painter_choice
from percov2_demo.ui.events import Updates
from percov2_demo.ui.render.plots import RATE


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

DEFAULT = "default"
"""Stands for the model's own strength among the strengths."""

GUIDANCES = (0, 1, 2, 3, 5, 7.5, 10)
STEPS = (1, 2, 5, 10, 20, 50)
STRENGTHS = (0, 0.1, 0.2, 0.4, 0.6, 0.8, 1)
PAINTING = 0.4
"""One of `STRENGTHS` that paints, and keeps to the estimate's layout."""

MAX_SEEDS = 16


@dataclass(frozen=True)
class SweepKind:
    """A sweep to start from.

    Attributes:
        label: What the page calls it.
        guidances: Guidance scales; the model's own where there are none.
        steps: Numbers of steps.
        strengths: Strengths, or `DEFAULT`.
        all_presets: Whether it covers all presets, or the first alone.
        seeds: How many seeds.
        x: Column of the plot's abscissa, see `plots.AXES`.
    """

    label: str
    guidances: tuple[float, ...] = ()
    steps: tuple[int, ...] = (20,)
    strengths: tuple[float | str, ...] = (DEFAULT,)
    all_presets: bool = False
    seeds: int = 1
    x: str = "deep_realism"

    @property
    def varies_painting(self) -> bool:
        """Whether it varies what the estimate does not depend on."""
        return max(len(self.guidances), len(self.steps), self.seeds) > 1


KINDS = {
    "settings": SweepKind("Guidance × steps", guidances=(1, 2, 3), steps=(2, 5, 20)),
    "strength": SweepKind("Strength", strengths=STRENGTHS),
    "presets": SweepKind("Presets", strengths=(0, DEFAULT, 0.8), all_presets=True, x=RATE),
    "samples": SweepKind("Samples", seeds=8),
}
"""The sweeps on offer, each of at most 12 pictures."""


class SweepControls:
    """The controls, laid out in the current context.

    Args:
        pipeline: The codec.
    """

    def __init__(self, pipeline: "Codec"):
        self._pipeline = pipeline
        start = KINDS["settings"]
        self.kind = gr.Radio(
            [(KINDS[name].label, name) for name in offered_kinds(pipeline)],
            value="settings",
            label="Sweep",
            info="A start: change the values below as you like.",
            elem_classes=["choices", "two-by-two"],
        )
        self.painter = create_painter_choice(pipeline)
        with gr.Group(elem_classes="sweep-values"):
            self.presets = gr.CheckboxGroup(list(pipeline.presets), value=[pipeline.presets[0]], label="Presets")
            self.guidances = _choices(GUIDANCES, self._guidances(start), "Guidance scale")
            self.steps = _choices(STEPS, start.steps, "Steps")
            self.strengths = gr.CheckboxGroup(
                [("the painter's default", DEFAULT), *((f"{value:g}", value) for value in STRENGTHS)],
                value=self._strengths(start),
                label="Strength",
                visible=pipeline.has_estimate,
            )
            self.seeds = gr.Slider(
                1, MAX_SEEDS, start.seeds, step=1, label="Seeds", info="Samples of each setting, from seed 0 upwards."
            )
            self.fast = gr.Checkbox(
                pipeline.has_fast,
                label="Fast",
                info="Mostly less than half the time; some 46 dB from the exact pictures, much less at strength 1.",
                visible=pipeline.has_fast,
            )

    @property
    def components(self) -> list[Component]:
        """Inputs for an event whose handler calls `plan` with them."""
        return [self.presets, self.guidances, self.steps, self.strengths, self.seeds, self.fast, self.painter]

    def choose(self, name: str) -> Updates:
        """Return updates to a kind of sweep."""
        kind = KINDS[name]
        return {
            self.presets: list(self._pipeline.presets[: None if kind.all_presets else 1]),
            self.guidances: self._guidances(kind),
            self.steps: list(kind.steps),
            self.strengths: self._strengths(kind),
            self.seeds: kind.seeds,
        }

    def _guidances(self, kind: SweepKind) -> list[float]:
        return list(kind.guidances) or [self._pipeline.default_guidance]

    def _strengths(self, kind: SweepKind) -> list[float | str]:
        """List a kind's strengths; not the model's own where that is 0 and the pictures would all be the same."""
        if not self._pipeline.has_estimate:
            return [DEFAULT]
        own = self._pipeline.default_strength(self._pipeline.presets[0])
        if kind.varies_painting and own == 0:
            return [PAINTING if strength == DEFAULT else strength for strength in kind.strengths]
        return list(kind.strengths)

    def plan(
        self,
        caption: str,
        presets: Sequence[str],
        guidances: Sequence[float],
        steps: Sequence[int],
        strengths: Sequence[float | str],
        seeds: int,
        fast: bool,
        painter: str = OWN,
    ) -> list[Trial]:
        """Return the trials of the controls' values, seeds of one setting next to each other."""
        samplings = [
            Sampling(count, guidance, strength if isinstance(strength, int | float) else None, seed, painter=painter)
            for strength, count, guidance, seed in product(strengths, steps, guidances, range(seeds))
        ]
        return plan(presets, [caption.strip()], samplings, self._pipeline.painters.advise, fast)


def offered_kinds(pipeline: "Codec") -> list[str]:
    """Return names of the sweeps that vary something of a model."""
    varying = {"strength": pipeline.has_estimate, "presets": len(pipeline.presets) > 1}
    return [name for name in KINDS if varying.get(name, True)]


def _choices(values: Sequence[float], chosen: Sequence[float], label: str) -> gr.CheckboxGroup:
    return gr.CheckboxGroup([(f"{value:g}", value) for value in values], value=list(chosen), label=label)
