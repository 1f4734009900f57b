"""A codec without a model, for tests of the page."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from percov2_demo.bitstream import Bitstream, Withheld, compress_caption
from percov2_demo.entropy.trace import GroupTrace
from percov2_demo.errors import ModelError
from percov2_demo.images import fit_image
from percov2_demo.painters.canvas import Canvas
from percov2_demo.painters.offer import Painters
from percov2_demo.painters.own import OwnPainter
from percov2_demo.painters.painter import Painter, StepCallback
from percov2_demo.pipelines.codec import Codec
from percov2_demo.presets import get_preset


class StoppedError(RuntimeError):
    """What the real pipeline raises when it is told to stop."""


class FakePipeline:
    """Indices are brightnesses, pictures are the indices enlarged; `failure` is raised by the decoder if set."""

    presets = ("ultra-low", "low", "extreme-low")
    max_side = 1280
    default_steps = 4
    default_guidance = 3.0
    max_steps = 1000
    networks: ClassVar[dict[str, object]] = {}
    has_estimate = True
    has_fast = True
    painter = "flow transformer"
    has_entropy_models = True
    captioner: object | None = None
    has_own_captioner = True

    identity = "07" * 32
    entropy_identity = "08" * 32
    name_or_path = None
    device = torch.device("cpu")

    def __init__(self, failure: Exception | None = None, description: str = "A model for tests."):
        self.description = description
        self.failure = failure
        self.codings: list[tuple[str | None, Withheld | None]] = []
        self.calls: list[dict[str, Any]] = []
        self.interrupted = False
        self.painters = Painters(OwnPainter(cast(Any, self)), lambda name, progress: _fail(name))

    @property
    def has_captioner(self) -> bool:
        return self.captioner is not None

    def default_strength(self, preset: str) -> float:
        return {"ultra-low": 1.0, "low": 0.8}.get(preset, 0.6)

    def stream_strength(self, stream: Bitstream) -> float:
        return self.default_strength(stream.preset)

    def default_entropy(self, preset: str) -> str:
        return "quincunx"

    def compress(
        self,
        image: Image.Image,
        preset: str = "ultra-low",
        caption: str = "",
        fit: str = "native",
        caption_coding: str | None = None,
        entropy: str | None = None,
        entropy_steps: int | None = None,
        withheld: Withheld | None = None,
    ) -> Bitstream:
        self.codings.append((entropy, withheld))
        image = fit_image(image, fit, self.max_side)
        rows, columns = get_preset(preset).grid(*image.size)
        indices = np.asarray(image.convert("L").resize((columns, rows), Image.Resampling.BOX), np.int64)
        return Bitstream(
            width=image.width, height=image.height, preset=preset, model=7, caption=caption, indices=indices
        )

    def recode(
        self,
        stream: Bitstream,
        caption_coding: str | None = None,
        entropy: str | None = None,
        entropy_steps: int | None = None,
        withheld: Withheld | None = None,
    ) -> Bitstream:
        self.codings.append((entropy, withheld))
        return stream

    def read(self, source: bytes | str | Path) -> Bitstream:
        return Bitstream.from_bytes(source) if isinstance(source, bytes) else Bitstream.from_file(source)

    def decompress(
        self,
        stream: Bitstream,
        *,
        num_inference_steps: int | None = 20,
        guidance_scale: float | None = 3.0,
        strength: float | None = None,
        seed: int = 0,
        caption: str | None = None,
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        painter: Painter | str | None = None,
        hold: float = 0.0,
    ) -> Image.Image:
        self.calls.append(
            {"steps": num_inference_steps, "guidance_scale": guidance_scale, "strength": strength, "seed": seed}
            | ({} if caption is None else {"caption": caption})
            | ({"fast": True} if fast else {})
            | ({"hold": hold} if hold else {})
        )
        if self.failure is not None:
            raise self.failure
        for step in range(num_inference_steps or self.default_steps):
            if interrupt is not None and interrupt():
                self.interrupted = True
                raise StoppedError("decoding was stopped")
            if callback_on_step_end is not None:
                callback_on_step_end(self, step, 0.5, {"expected_latents": (step, stream.width, stream.height)})
        picture = Image.fromarray(stream.indices.astype(np.uint8)).convert("RGB")
        return picture.resize((stream.width, stream.height), Image.Resampling.NEAREST)

    def canvas(self, stream: Bitstream, interrupt: Callable[[], bool] | None = None) -> Canvas:
        return Canvas(cast(Any, self), stream, interrupt)

    def encode_latents(self, image: Image.Image) -> tuple[int, int, int]:
        return 0, image.width, image.height

    def agreement(self, stream: Bitstream, picture: Image.Image) -> float:
        """Another number for each grid."""
        return 1 / stream.indices.size

    def decode_latents(self, latents: tuple[int, int, int]) -> list[Image.Image]:
        """A flat picture whose brightness is the step that the latents are of."""
        step, width, height = latents
        return [Image.new("RGB", (width, height), (step, step, step))]

    def information(self, stream: Bitstream) -> NDArray[np.float64]:
        """Bits that rise from 0 with the index."""
        return np.log2(stream.indices + 1.0)

    def trace(self, stream: Bitstream) -> list[GroupTrace]:
        return []

    def conceal(self, stream: Bitstream, lost: Sequence[int], seed: int = 0, temperature: float = 1.0) -> Bitstream:
        return stream

    def caption(self, image: Image.Image) -> str:
        return f" a picture {image.width} pixels wide "

    def caption_bytes(self, caption: str) -> int:
        return len(compress_caption(caption, "deflate"))

    def max_atoms(self, stream: Bitstream) -> int:
        raise AssertionError("the fake refines nothing")

    def refinements(self, *arguments: Any, **options: Any) -> Iterator[tuple[Bitstream, Any]]:
        raise AssertionError("the fake refines nothing")

    def refine_without_base(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        raise AssertionError("the fake refines nothing")

    def prefixes(self, *arguments: Any, **options: Any) -> Iterator[tuple[int, Image.Image]]:
        raise AssertionError("the fake refines nothing")


IS_A_CODEC: type[Codec] = FakePipeline
"""What the type checker holds the fake to."""


def _fail(name: str) -> Any:
    raise ModelError(f"the painter {name} cannot be used")


def finish(generator: Iterator[Any]) -> tuple[list[Any], Any]:
    """What a generator yields, and what it returns."""
    updates = []
    while True:
        try:
            updates.append(next(generator))
        except StopIteration as finished:
            return updates, finished.value
