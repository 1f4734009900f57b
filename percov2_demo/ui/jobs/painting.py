"""Paint a stream's picture as something to watch and to stop."""

from collections.abc import Callable, Generator, Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.events import Updates
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.background import watch


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

MAX_PREVIEWS = 4
"""Pictures shown while one is painted; each takes about as long as half a step of the embedded model."""


@dataclass(frozen=True)
class Painted:
    """A finished picture.

    Args:
        picture: The picture.
        agreement: Share of the stream's indices, from 0 to 1, that come back when it is encoded again.
    """

    picture: Image.Image
    agreement: float


@dataclass(frozen=True)
class Loading:
    """A painter is being loaded, because it is the first time that it is asked for.

    Args:
        painter: Its name.
        arrived: Bytes of its download that have arrived.
        total: Bytes of its download; 0 where that is not known, or nothing is missing.
    """

    painter: str
    arrived: int = 0
    total: int = 0


def paint(
    pipeline: "Codec",
    stream: Bitstream,
    settings: Sampling,
    progress: gr.Progress | None = None,
    caption: str | None = None,
    show: Callable[[int, Image.Image | None], Updates] | None = None,
    fast: bool = False,
    show_loading: Callable[[Loading], Updates] | None = None,
    previews: int = MAX_PREVIEWS,
) -> Generator[Updates, None, Painted]:
    """Decode a stream and return the picture; yield an update after each step.

    Closing the generator, as gradio does when a visitor presses Stop or leaves, stops the sampler after its step.

    Args:
        pipeline: The codec.
        stream: What is decoded.
        settings: How, and by whom.
        progress: Gradio's bar, where it is to tell of every step.
        caption: Text used in place of the stream's.
        show: Makes the update from the number of steps that are done and, after some of them, from what the sampler
            expects the picture to be; without it, updates change nothing.
        fast: As in the pipeline's `decompress`.
        show_loading: Makes the update while the painter is loaded.
        previews: How often at most the sampler is asked what it expects.
    """
    previewed = preview_steps(settings.steps, previews) if show is not None else frozenset()
    seconds = gpu.reserved_seconds(settings.steps, stream.width, stream.height)
    if progress is not None:
        progress((0, settings.steps), desc="Painting")
    work = (stream, settings, caption, previewed, fast)
    for event in gpu.run(pipeline, seconds, _paint, *work, painter=settings.painter):
        if isinstance(event, Painted):
            return event
        if isinstance(event, Loading):
            yield gr.skip() if show_loading is None else show_loading(event)
            continue
        step, preview = event
        if progress is not None:
            progress((step, settings.steps), desc=f"Painting, step {step} of {settings.steps}")
        yield gr.skip() if show is None else show(step, preview)
    raise AssertionError("the job ended without a picture")


def _paint(
    pipeline: "Codec",
    stream: Bitstream,
    settings: Sampling,
    caption: str | None,
    previewed: Set[int],
    fast: bool,
) -> Iterator[tuple[int, Image.Image | None] | Loading | Painted]:
    """Yield what is told of loading, the number of each finished step with its preview, and the picture."""

    def work(tell: Callable[[Any], None], is_stopped: Callable[[], bool]) -> None:
        def report(painter: Any, step: int, _sigma: float, tensors: dict[str, Any]) -> dict[str, Any]:
            preview = painter.decode_latents(tensors["expected_latents"])[0] if step + 1 in previewed else None
            tell((step + 1, preview))
            return tensors

        name = settings.painter
        if not pipeline.painters.is_loaded(name):
            tell(Loading(name))
        painter = pipeline.painters.find(name, lambda arrived, total: tell(Loading(name, arrived, total)))
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
            painter=painter,
            hold=settings.hold,
        )
        tell(Painted(picture, pipeline.agreement(stream, picture)))

    return watch(work)


def preview_steps(steps: int, previews: int = MAX_PREVIEWS) -> frozenset[int]:
    """Return the steps after which a preview is worth its time: the first, and evenly on, but not the last."""
    return frozenset(max(1, steps * number // previews) for number in range(previews)) - {steps}
