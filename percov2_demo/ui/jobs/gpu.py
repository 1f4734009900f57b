"""Where the page runs the model: the one place that asks a ZeroGPU Space for its GPU.

On ZeroGPU the decorated function runs in a process that is forked from the app's and has a GPU for as long as the
function runs. Its arguments, what it yields and what it raises are pickled, and what it changes is lost. So what needs
the model is a job: a function of a module that takes the pipeline and plain values, and iterates over plain values.
Everywhere else the decorator does nothing, and the same jobs run in the app's process.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from percov2_demo.presets import NOMINAL_SIDE
from percov2_demo.sampling.settings import OWN
from percov2_demo.ui.server.errors import friendly


try:
    from spaces import GPU
except ImportError:

    def GPU(*, duration: Callable[..., int]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: N802
        """Stand in for the package that only ZeroGPU Spaces need."""
        return lambda function: function


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

Job = Callable[..., Iterator[Any]]

SECONDS_AT_START = 15
"""Reserved for bringing the weights to the GPU, encoding, captioning and the autoencoder."""

SECONDS_PER_STEP = 0.25
"""Reserved for a step at 512×512 with guidance. An upper estimate from arithmetic, not a measurement: SD3-medium takes
about 11 TFLOP for it."""

# A worker finds the model here, because it is forked after the first call has put it in; as an argument it would be
# pickled, all its gigabytes.
_pipelines: WeakValueDictionary[int, Any] = WeakValueDictionary()


def reserved_seconds(steps: int = 0, width: int = NOMINAL_SIDE, height: int = NOMINAL_SIDE) -> int:
    """Return how many seconds a job may have the GPU, held against the visitor's quota in advance.

    Args:
        steps: Steps of the sampler, over all pictures.
        width: Of a picture, in pixels.
        height: Of a picture, in pixels.
    """
    return SECONDS_AT_START + math.ceil(SECONDS_PER_STEP * steps * width * height / NOMINAL_SIDE**2)


def run(pipeline: "Codec", seconds: int, job: Job, *arguments: Any, painter: str = OWN) -> Iterator[Any]:
    """Yield what a job yields; closing the iterator closes the job, on ZeroGPU when it yields next.

    Args:
        pipeline: The codec, the job's first argument.
        seconds: How long it may take, see `reserved_seconds`.
        job: A function that is known by its module and name.
        *arguments: Its further arguments.
        painter: Name of what paints in it. Where public painters have the GPU to themselves, the codec's own work
            costs no quota.

    Raises:
        gr.Error: What the job raised, as a visitor reads it.
    """
    if pipeline.painters.apart and painter in pipeline.painters.built_in:
        yield from friendly(job)(pipeline, *arguments)
        return
    _pipelines[id(pipeline)] = pipeline
    yield from _run(seconds, id(pipeline), job, arguments)


def call(pipeline: "Codec", seconds: int, method: str, *arguments: Any, **options: Any) -> Any:
    """Return the result of one of the pipeline's methods.

    Args:
        pipeline: The codec.
        seconds: How long it may take, see `reserved_seconds`.
        method: The method's name.
        *arguments: Its arguments.
        **options: Its arguments by name.

    Raises:
        gr.Error: What the method raised, as a visitor reads it.
    """
    (result,) = run(pipeline, seconds, _call, method, arguments, options)
    return result


@GPU(duration=lambda seconds, *_: seconds)
@friendly
def _run(seconds: int, key: int, job: Job, arguments: tuple[Any, ...]) -> Iterator[Any]:
    yield from job(_pipelines[key], *arguments)


def _call(pipeline: "Codec", method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Iterator[Any]:
    yield getattr(pipeline, method)(*arguments, **options)
