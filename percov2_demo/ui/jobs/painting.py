"""Paint a stream's picture as something to watch and to stop."""

from collections.abc import Callable, Generator, Iterator, Set
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.background import watch


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_PREVIEWS = 4
"""Pictures shown while one is painted; each takes about as long as half a step of the embedded model."""


def paint(
    pipeline: "Codec",
    stream: Bitstream,
    settings: Sampling,
    progress: gr.Progress | None = None,
    caption: str | None = None,
    show: Callable[[int, Image.Image | None], dict[Component, Any]] | None = None,
    fast: bool = False,
    previews: int = MAX_PREVIEWS,
) -> Generator[dict[Component, Any], None, Image.Image]:
    """Decode a stream and return the picture; yield an update after each step.

    Closing the generator, as gradio does when a visitor presses Stop or leaves, stops the sampler after its step.

    Args:
        pipeline: The codec.
        stream: What is decoded.
        settings: How.
        progress: Gradio's bar, where it is to tell of every step.
        caption: Text used in place of the stream's.
        show: Makes the update from the number of steps that are done and, after some of them, from what the sampler
            expects the picture to be; without it, updates change nothing.
        fast: As in the pipeline's `decompress`.
        previews: How often at most the sampler is asked what it expects.
    """
    previewed = preview_steps(settings.steps, previews) if show is not None else frozenset()
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
    pipeline: "Codec",
    stream: Bitstream,
    settings: Sampling,
    caption: str | None,
    previewed: Set[int],
    fast: bool,
) -> Iterator[tuple[int, Image.Image | None] | Image.Image]:
    """Yield the number of each finished step with its preview, where there is one; then the picture."""

    def work(tell: Callable[[Any], None], is_stopped: Callable[[], bool]) -> None:
        def report(codec: "Codec", step: int, _sigma: float, tensors: dict[str, Any]) -> dict[str, Any]:
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


def preview_steps(steps: int, previews: int = MAX_PREVIEWS) -> frozenset[int]:
    """Return the steps after which a preview is worth its time: the first, and evenly on, but not the last."""
    return frozenset(max(1, steps * number // previews) for number in range(previews)) - {steps}
