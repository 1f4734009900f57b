"""State what the page, the commands and the evaluation need of a model: a picture to a `Bitstream` and back.

`CodecPipeline` is one, and so are the stand-ins of the tests; the type checker holds both to it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from percov2_demo.bitstream import Bitstream, Withheld


if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from percov2_demo.entropy.trace import GroupTrace
    from percov2_demo.painters.canvas import Canvas
    from percov2_demo.painters.offer import Painters
    from percov2_demo.painters.painter import Painter, StepCallback


class Codec(Protocol):
    """A model that makes streams of pictures and pictures of streams; see `CodecPipeline` for the arguments."""

    @property
    def identity(self) -> str:
        """The model's fingerprint, 64 hexadecimal digits."""

    @property
    def entropy_identity(self) -> str | None:
        """Fingerprint of the entropy models; None without them."""

    @property
    def description(self) -> str:
        """What the model is, in a sentence or two."""

    @property
    def name_or_path(self) -> str | None:
        """Folder or repository that the model was read from; None for one made in memory."""

    @property
    def presets(self) -> tuple[str, ...]:
        """Names of the presets that it serves, in rising rate."""

    @property
    def max_side(self) -> int:
        """Longest side in pixels of a picture that it takes."""

    @property
    def default_steps(self) -> int:
        """Steps of the sampler when none are asked for."""

    @property
    def default_guidance(self) -> float:
        """Guidance scale when none is asked for."""

    @property
    def device(self) -> "torch.device":
        """Where it works."""

    @property
    def painter(self) -> str:
        """What paints, in words for people."""

    @property
    def has_estimate(self) -> bool:
        """Whether sampling can start from an estimate, at a strength below 1."""

    @property
    def has_fast(self) -> bool:
        """Whether the sampler's fast mode is worth it."""

    @property
    def has_captioner(self) -> bool:
        """Whether there is a captioner, its own or another one."""

    @property
    def has_own_captioner(self) -> bool:
        """Whether its own captioner writes the captions."""

    @property
    def has_entropy_models(self) -> bool:
        """Whether indices and captions are range coded."""

    def default_strength(self, preset: str) -> float:
        """Return the strength that is used for a preset when none is asked for."""

    def default_entropy(self, preset: str) -> str:
        """Return the coding of the indices that is used for a preset when none is asked for."""

    def caption(self, image: Image.Image) -> str:
        """Write a caption of a picture."""

    def caption_bytes(self, caption: str) -> int:
        """Count the bytes that a caption takes in a stream."""

    def compress(
        self,
        image: Image.Image,
        preset: str = ...,
        caption: str = ...,
        fit: str = ...,
        caption_coding: str | None = ...,
        entropy: str | None = ...,
        entropy_steps: int | None = ...,
        withheld: Withheld | None = ...,
    ) -> Bitstream:
        """Encode a picture."""

    def read(self, source: bytes | str | Path) -> Bitstream:
        """Read the stream of a `.pcv2` file or of its bytes."""

    def recode(
        self,
        stream: Bitstream,
        caption_coding: str | None = ...,
        entropy: str | None = ...,
        entropy_steps: int | None = ...,
        withheld: Withheld | None = ...,
    ) -> Bitstream:
        """Code the same indices and caption in another way."""

    def information(self, stream: Bitstream) -> "NDArray[np.float64]":
        """Return the bits `(rows, columns)` that each index costs."""

    def trace(self, stream: Bitstream) -> "list[GroupTrace]":
        """Follow how the indices of a stream become known, group by group."""

    def conceal(self, stream: Bitstream, lost: Sequence[int], seed: int = ..., temperature: float = ...) -> Bitstream:
        """Fill in lost indices."""

    @property
    def painters(self) -> "Painters":
        """Who can paint: the codec's own painter, and those that are offered beside it."""

    def canvas(self, stream: Bitstream, interrupt: Callable[[], bool] | None = ...) -> "Canvas":
        """Prepare a stream for a painter."""

    def agreement(self, stream: Bitstream, picture: Image.Image) -> float:
        """Return the share of a stream's indices that come back when a picture is encoded again."""

    def decompress(
        self,
        stream: Bitstream,
        *,
        num_inference_steps: int | None = ...,
        guidance_scale: float | None = ...,
        strength: float | None = ...,
        seed: int = ...,
        caption: str | None = ...,
        fast: bool = ...,
        callback_on_step_end: "StepCallback | None" = ...,
        interrupt: Callable[[], bool] | None = ...,
        painter: "Painter | str | None" = ...,
        hold: float = ...,
    ) -> Image.Image:
        """Paint the picture that a stream describes."""

    def stream_strength(self, stream: Bitstream) -> float:
        """Return the strength that is used for a stream when none is asked for."""

    def max_atoms(self, stream: Bitstream) -> int:
        """Return the largest budget that a stream can be refined with."""

    def refinements(
        self, stream: Bitstream, target: Any, atoms: int, interrupt: Callable[[], bool] | None = ...
    ) -> Iterator[tuple[Bitstream, Any]]:
        """Refine a stream towards latents, block by block."""

    def refine_without_base(
        self, target: Any, atoms: int, interrupt: Callable[[], bool] | None = ...
    ) -> Iterator[Any]:
        """Lead the painter to latents by blocks alone."""

    def prefixes(
        self, stream: Bitstream, interrupt: Callable[[], bool] | None = ...
    ) -> Iterator[tuple[int, Image.Image]]:
        """Paint a refined file as it arrives, block by block."""

    def encode_latents(self, image: Image.Image) -> Any:
        """Encode the latents of a picture whose sides are multiples of 64."""

    def decode_latents(self, latents: Any) -> list[Image.Image]:
        """Decode pictures of latents that a step callback is given."""
