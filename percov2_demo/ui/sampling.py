"""The sampler: its settings as both tabs show them, and its run as something to watch and to stop."""

from collections.abc import Callable, Generator, Iterator, Sequence, Set
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui import gpu
from percov2_demo.ui.background import watch
from percov2_demo.ui.scripts import random_script


if TYPE_CHECKING:
    from gradio.events import Dependency

    from percov2_demo.codec_pipeline import CodecPipeline

MAX_STEPS = 100
MAX_GUIDANCE_SCALE = 15.0
MAX_SEED = 2**31 - 1

MAX_PREVIEWS = 4
"""Pictures shown while one is painted; each takes about as long as half a step of the embedded model."""

PAGE_EVENT = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
"""Given to every event of the page that does not run the model. An event outside the queue shows no error messages."""

MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1}
"""Given to every event that runs the model: one at a time."""


@dataclass(frozen=True)
class SamplingControls:
    """The components of the settings, in the order of `Sampling`."""

    steps: gr.Slider
    guidance_scale: gr.Slider
    strength: gr.Slider
    seed: gr.Number

    @classmethod
    def create(cls, pipeline: "CodecPipeline", strength: float) -> "SamplingControls":
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
            info="0 keeps to the bits, 1 dreams: it starts from pure noise, as in the paper.",
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


def paint(
    pipeline: "CodecPipeline",
    stream: Bitstream,
    settings: Sampling,
    progress: gr.Progress | None = None,
    caption: str | None = None,
    show: Callable[[int, Image.Image | None], dict[Component, Any]] | None = None,
    fast: bool = False,
) -> Generator[dict[Component, Any], None, Image.Image]:
    """Decodes a stream and returns the picture; yields an update after each step.

    Closing the generator, as gradio does when a visitor presses Stop or leaves, stops the sampler after its step.

    Args:
        pipeline: The codec.
        stream: What is decoded.
        settings: How.
        progress: Gradio's bar, where it is to tell of every step.
        caption: Text used in place of the stream's.
        show: Makes the update from the number of steps that are done and, after at most `MAX_PREVIEWS` of them, from
            what the sampler expects the picture to be; without it, updates change nothing.
        fast: As in the pipeline's `decompress`.
    """
    previewed = preview_steps(settings.steps) if show is not None else frozenset()
    seconds = gpu.reserved_seconds(settings.steps, stream.width, stream.height)
    if progress is not None:
        progress((0, settings.steps), desc="Painting")
    for event in gpu.run(pipeline, seconds, _paint, stream, settings, caption, previewed, fast):
        if isinstance(event, Image.Image):
            picture = event
            continue
        step, preview = event
        if progress is not None:
            progress((step, settings.steps), desc=f"Painting, step {step} of {settings.steps}")
        yield gr.skip() if show is None else show(step, preview)
    return picture


def _paint(
    pipeline: "CodecPipeline",
    stream: Bitstream,
    settings: Sampling,
    caption: str | None,
    previewed: Set[int],
    fast: bool,
) -> Iterator[tuple[int, Image.Image | None] | Image.Image]:
    """The job of `paint`: the number of each finished step with its preview, where there is one; then the picture."""

    def work(tell: Callable[[Any], None], is_stopped: Callable[[], bool]) -> None:
        def report(codec: "CodecPipeline", step: int, _sigma: float, tensors: dict[str, Any]) -> dict[str, Any]:
            preview = codec.decode_latents(tensors["expected_latents"])[0] if step + 1 in previewed else None
            tell((step + 1, preview))
            return tensors

        picture = pipeline.decompress(
            stream,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            strength=settings.strength,
            seed=settings.seed,
            caption=caption,
            fast=fast,
            callback_on_step_end=report,
            interrupt=is_stopped,
        )
        tell(picture)

    return watch(work)


def connect_end(
    running: "Dependency",
    stop: gr.Button,
    rest: Callable[..., Any],
    inputs: Sequence[Component] = (),
    outputs: Sequence[Component] = (),
) -> None:
    """Lets a button cancel a run, and shows when it has ended in whatever way.

    The buttons must not come back with the press of Stop: gradio (6.31) drops a run that is asked for before the
    browser has heard of the last one's end. A cancelled run counts as a success there; after a failed one `failure` is
    called, but not `then`.

    Args:
        running: The run.
        stop: The button that cancels it.
        rest: Makes the updates that show that nothing runs.
        inputs: Its inputs.
        outputs: What it updates.
    """
    stop.click(None, cancels=[running], **PAGE_EVENT)
    for ended in (running.success, running.failure):
        ended(rest, list(inputs), list(outputs), **PAGE_EVENT)


def preview_steps(steps: int) -> frozenset[int]:
    """After which of so many steps a preview is worth its time: the first, and evenly on, but not the last."""
    return frozenset(max(1, steps * number // MAX_PREVIEWS) for number in range(MAX_PREVIEWS)) - {steps}
