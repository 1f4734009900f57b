"""Refine a photo, and decode what was refined as far as it has arrived, as work to watch and to stop."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.ui.jobs import gpu
from percov2_demo.ui.jobs.background import watch


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

CODED_STEPS = 8
"""Runs of the network that are reserved for coding or for decoding."""


def refine(pipeline: "Codec", picture: Image.Image, max_bytes: int, caption: str, fit: str = "native") -> Any:
    """Return the stream whose file comes closest to a size from below, see `AnyRate.at_most`."""
    seconds = gpu.reserved_seconds(CODED_STEPS, *picture.size)
    (stream,) = gpu.run(pipeline, seconds, _refine, picture, max_bytes, caption, fit)
    return stream


def receive(pipeline: "Codec", stream: Bitstream) -> Iterator[tuple[int, Image.Image]]:
    """Yield the bytes that have arrived and what they show, after each block, see the pipeline's `prefixes`."""
    seconds = gpu.reserved_seconds(CODED_STEPS, stream.width, stream.height)
    yield from gpu.run(pipeline, seconds, _receive, stream)


def _refine(pipeline: "Codec", picture: Image.Image, max_bytes: int, caption: str, fit: str) -> Iterator[Bitstream]:
    # The page starts quicker without it.
    from percov2_demo.pipelines.target import AnyRate

    def work(tell: Callable[[Bitstream], None], is_stopped: Callable[[], bool]) -> None:
        tell(AnyRate(pipeline, picture, caption, fit, is_stopped).at_most(max_bytes))

    return watch(work)


def _receive(pipeline: "Codec", stream: Bitstream) -> Iterator[tuple[int, Image.Image]]:
    def work(tell: Callable[[tuple[int, Image.Image]], None], is_stopped: Callable[[], bool]) -> None:
        for arrived in pipeline.prefixes(stream, is_stopped):
            tell(arrived)

    return watch(work)
