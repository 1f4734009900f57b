"""Controls of the sampler's settings, the same in every tab."""

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import partial
from typing import TYPE_CHECKING

import gradio as gr
from gradio.components import Component

from percov2_demo.painters.known import usual_sigma
from percov2_demo.sampling.settings import OWN, Sampling
from percov2_demo.ui.controls.painter import create_painter_choice
from percov2_demo.ui.events import PAGE_EVENT, Updates
from percov2_demo.ui.scripts import random_script


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_STEPS = 100
MAX_GUIDANCE_SCALE = 15.0
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class SamplingControls:
    """The components of the settings, in the order of `Sampling`."""

    steps: gr.Slider
    guidance_scale: gr.Slider
    strength: gr.Slider
    seed: gr.Number
    hold: gr.Slider
    painter: gr.Dropdown

    @classmethod
    def create(cls, pipeline: "Codec", strength: float) -> "SamplingControls":
        """Lay the controls out in the current context; what a model or a painter does not have does not show."""
        painter = create_painter_choice(pipeline)
        steps = gr.Slider(
            1, MAX_STEPS, pipeline.default_steps, step=1, label="Steps", info="More steps: finer, slower."
        )
        guidance_scale = gr.Slider(
            0,
            MAX_GUIDANCE_SCALE,
            pipeline.default_guidance,
            step=0.1,
            label="Guidance scale",
            info="How strongly the caption steers; 0 ignores it.",
        )
        strength_slider = gr.Slider(
            0,
            1,
            strength,
            step=0.01,
            label="Strength",
            info="0 shows what the bits say and paints nothing: steps, guidance and seed then change nothing. "
            "1 dreams: it starts from pure noise, as in the paper.",
            visible=pipeline.has_estimate,
        )
        hold = gr.Slider(
            0,
            1,
            Sampling.hold,
            step=0.05,
            label="Hold to the bits",
            info="Keeps the coarse layout of the file: 1 for a strong painter that wanders off.",
            visible=pipeline.has_estimate,
        )
        with gr.Row(elem_classes="seed-row"):
            seed = gr.Number(
                Sampling.seed,
                minimum=0,
                maximum=MAX_SEED,
                precision=0,
                label="Seed",
                info="Same seed, same picture.",
                min_width=120,
            )
            dice = gr.Button("⚄ New seed", size="md", min_width=120, scale=0)
        dice.click(None, outputs=seed, js=random_script(MAX_SEED + 1), api_visibility="private")
        controls = cls(steps, guidance_scale, strength_slider, seed, hold, painter)
        painter.input(
            partial(controls.advise, pipeline), painter, [steps, guidance_scale, strength_slider], **PAGE_EVENT
        )
        return controls

    @property
    def components(self) -> list[Component]:
        """Inputs for an event whose handler calls `settings` with their values."""
        return [self.steps, self.guidance_scale, self.strength, self.seed, self.hold, self.painter]

    def pair_with(self, others: "SamplingControls") -> Iterator[tuple[Component, Component]]:
        """Pair the components with those of the same settings elsewhere."""
        return zip(self.components, others.components, strict=True)

    def settings(
        self,
        steps: int,
        guidance_scale: float,
        strength: float,
        seed: int | None,
        hold: float = Sampling.hold,
        painter: str = OWN,
    ) -> Sampling:
        """Return the settings of the components' values; an empty seed is the default."""
        return Sampling(steps, guidance_scale, strength, Sampling.seed if seed is None else seed, hold, painter)

    def advise(self, pipeline: "Codec", painter: str) -> Updates:
        """Return updates to a painter's usual settings; one that is not known paints, and shows guidance again."""
        advice = pipeline.painters.advise(painter, pipeline.presets[0])
        strength = {self.strength: usual_sigma(advice)}
        if advice is None:
            return {self.guidance_scale: gr.Slider(visible=True), **strength}
        guidance = gr.Slider(value=1.0, visible=False)
        if advice.guidance is not None:
            guidance = gr.Slider(value=advice.guidance, visible=True)
        return {self.steps: advice.steps, self.guidance_scale: guidance, **strength}

    def restore(self, settings: Sampling) -> Updates:
        """Return updates to an earlier run's settings."""
        return dict(zip(self.components, astuple(settings), strict=True))
