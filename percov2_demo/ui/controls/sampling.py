"""Controls of the sampler's settings, the same in every tab."""

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component

from percov2_demo.sampling.settings import Sampling
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

    @classmethod
    def create(cls, pipeline: "Codec", strength: float) -> "SamplingControls":
        """Lays the controls out in the current context; strength shows only where the model can start from less."""
        steps = gr.Slider(
            1, MAX_STEPS, pipeline.default_steps, step=1, label="Steps", info="More steps: finer, slower."
        )
        guidance_scale = gr.Slider(
            0,
            MAX_GUIDANCE_SCALE,
            Sampling.guidance,
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
            dice = gr.Button("⚄ New seed", size="md", min_width=120, scale=0, elem_classes="dice")
        dice.click(None, outputs=seed, js=random_script(MAX_SEED + 1), api_visibility="private")
        return cls(steps, guidance_scale, strength_slider, seed)

    @property
    def components(self) -> list[Component]:
        """Inputs for an event whose handler calls `settings` with their values."""
        return [self.steps, self.guidance_scale, self.strength, self.seed]

    def settings(self, steps: int, guidance_scale: float, strength: float, seed: int | None) -> Sampling:
        """The settings of the components' values; an empty seed is the default."""
        return Sampling(steps, guidance_scale, strength, Sampling.seed if seed is None else seed)

    def restore(self, settings: Sampling) -> dict[Component, Any]:
        """Updates to an earlier run's settings."""
        return dict(zip(self.components, astuple(settings), strict=True))
