"""What a painter is given of a file: size, grid, caption, and the hyper-decoder's estimate of the photo."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Protocol

from torch import Tensor

from percov2_demo.bitstream import Bitstream
from percov2_demo.errors import ModelError
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.presets import get_preset


class Decoder(Protocol):
    """The part of a codec that reads indices."""

    def condition(self, stream: Bitstream) -> Condition:
        """Return what the indices say of the latent."""

    def known(
        self, stream: Bitstream, condition: Condition, interrupt: Callable[[], bool] | None = None
    ) -> Tensor | None:
        """Return the latent that a stream leads to: the estimate, or what refinement made of it; None without one."""

    def decode_pixels(self, latents: Tensor) -> Tensor:
        """Return pictures `(B, 3, H, W)`, nominally in [-1, 1], of scaled latents."""

    def working(self) -> AbstractContextManager[None]:
        """Return a context in which the codec works, and after which its memory is free again."""


class Canvas:
    """What a file tells a painter; computed on first use, and then kept.

    Args:
        decoder: The codec that made the file.
        stream: The file's content.
        interrupt: Asked while its refinement is followed; True stops that.
    """

    def __init__(self, decoder: Decoder, stream: Bitstream, interrupt: Callable[[], bool] | None = None):
        self._decoder = decoder
        self._interrupt = interrupt
        self.stream = stream

    @property
    def width(self) -> int:
        """Width of the picture in pixels."""
        return self.stream.width

    @property
    def height(self) -> int:
        """Height of the picture in pixels."""
        return self.stream.height

    @property
    def caption(self) -> str:
        """The file's caption; empty for none."""
        return self.stream.caption

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the indices."""
        return get_preset(self.stream.preset).grid(self.width, self.height)

    @cached_property
    def condition(self) -> Condition:
        """What the indices say in the codec's own latents."""
        with self._decoder.working():
            return self._decoder.condition(self.stream)

    @cached_property
    def known(self) -> Tensor | None:
        """The codec's latent that painting starts from: the estimate, or what refinement made of it."""
        with self._decoder.working():
            return self._decoder.known(self.stream, self.condition, self._interrupt)

    @cached_property
    def estimate(self) -> Tensor:
        """What `known` looks like, `(1, 3, H, W)` in [-1, 1].

        Raises:
            ModelError: The codec has no hyper-decoder.
        """
        latents = self.known
        if latents is None:
            raise ModelError(
                "this model has no hyper-decoder, so there is no estimate that another model could paint from: "
                "decode with its own painter"
            )
        with self._decoder.working():
            return self._decoder.decode_pixels(latents).float().clamp(-1, 1)
