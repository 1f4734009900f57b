"""Refinement of streams by the painter that they are painted with."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from math import prod

import torch
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import Bitstream, Refinement
from percov2_demo.errors import InputError, StreamError
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.pipelines.onednn import onednn_products
from percov2_demo.refinement import (
    CHECK_BYTES,
    Allocation,
    Expectation,
    follow,
    max_atoms,
    refine,
    seal_block,
    split_blocks,
)
from percov2_demo.sampling.sampler import Interrupted, Sampler


class Refining(ABC):
    """Makes streams of any rate: a base stream, and noise that leads the painter to the picture.

    The caption takes part in the coded steps as it is, without guidance.
    """

    @abstractmethod
    def encode_latents(self, image: Image.Image) -> Tensor:
        """Return the scaled latents `(1, C, H, W)` of a picture whose sides are multiples of 64."""

    @abstractmethod
    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        """Return the pictures of scaled latents `(B, C, H, W)`."""

    @abstractmethod
    def encode_captions(self, captions: Sequence[str]) -> TextCondition:
        """Return the text condition of captions."""

    @property
    @abstractmethod
    def condition_channels(self) -> int:
        """Channels that the network has beside the noisy latent."""

    @abstractmethod
    def condition(self, stream: Bitstream) -> Condition:
        """Return what the indices of a stream say."""

    @abstractmethod
    def _prepare(self, stream: Bitstream) -> None:
        """Refuse a stream that is not for this model, and free the memory that painting needs."""

    @abstractmethod
    def make_sampler(self) -> Sampler:
        """Return what follows the network from noise to a picture's latents."""

    @abstractmethod
    def _freeing(self) -> AbstractContextManager[None]:
        """Bring offloaded parts back to main memory at the end."""

    @torch.inference_mode()
    def refine(
        self, stream: Bitstream, image: Image.Image, atoms: int, interrupt: Callable[[], bool] | None = None
    ) -> Bitstream:
        """Refine a stream towards its picture.

        Args:
            stream: A stream of this model; blocks that it has already are replaced.
            image: The picture as it was encoded, of the stream's size.
            atoms: How much to spend, from 1 to `max_atoms(stream)`; each takes 9 to 14 bits.
            interrupt: Asked before each coded step; True stops the encoder.

        Raises:
            InputError: The picture has another size, or the atoms are out of range.
            Interrupted: `interrupt` returned True.
        """
        *_, (refined, _) = self.refinements(stream, self._target(stream, image), atoms, interrupt)
        return refined

    @torch.inference_mode()
    def refinements(
        self, stream: Bitstream, target: Tensor, atoms: int, interrupt: Callable[[], bool] | None = None
    ) -> Iterator[tuple[Bitstream, Tensor]]:
        """Yield the stream with no block, then with one more at a time, and the latent `(1, C, H, W)` it leads to.

        Args:
            stream: As in `refine`.
            target: The picture's scaled latents, `(1, C, H, W)`.
            atoms: As in `refine`.
            interrupt: As in `refine`.
        """
        self._prepare(stream)
        allocation = Allocation(target.numel(), atoms)
        data = b""
        with self._freeing(), onednn_products():
            text, condition = self.encode_captions([stream.caption]), self.condition(stream)
            expect = self._expectation(condition, text, interrupt)
            first = self._first(stream, condition, expect)
            yield replace(stream, refinement=None), first
            for block, expected in refine(target, first, expect, allocation):
                data += seal_block(block)
                yield replace(stream, refinement=Refinement(atoms, data)), expected

    @torch.inference_mode()
    def refine_without_base(
        self, target: Tensor, atoms: int, interrupt: Callable[[], bool] | None = None
    ) -> Iterator[Tensor]:
        """Yield the latent `(1, C, H, W)` after each coded step of a painter that is told nothing but the blocks.

        The first prediction is that of pure noise, as in DiffC and DDCM; there is no base stream and no caption.

        Args:
            target: The picture's scaled latents, `(1, C, H, W)`.
            atoms: As in `refine`.
            interrupt: As in `refine`.
        """
        allocation = Allocation(target.numel(), atoms)
        condition = Condition(
            target.new_zeros(1, self.condition_channels, *target.shape[-2:]), torch.zeros_like(target)
        )
        with self._freeing(), onednn_products():
            expect = self._expectation(condition, self.encode_captions([""]), interrupt)
            first = expect(_pure_noise(target.shape).to(target), 1.0)
            for _, expected in refine(target, first, expect, allocation):
                yield expected

    @torch.inference_mode()
    def prefixes(
        self, stream: Bitstream, interrupt: Callable[[], bool] | None = None
    ) -> Iterator[tuple[int, Image.Image]]:
        """Yield `(bytes of the file so far, picture)` for a refined file cut after each block, from none on.

        Args:
            stream: A refined stream of this model.
            interrupt: As in `refine`.

        Raises:
            StreamError: The refinement is damaged, or of another painter.
            Interrupted: `interrupt` returned True.
        """
        if stream.refinement is None:
            raise StreamError("This file has no refinement: refine it, or paint it as it is.")
        self._prepare(stream)
        size = len(stream.to_bytes()) - len(stream.refinement.data)
        with self._freeing(), onednn_products():
            text, condition = self.encode_captions([stream.caption]), self.condition(stream)
            for length, latents in self._refined(stream, stream.refinement, condition, text, interrupt):
                yield size + length, self.decode_latents(latents)[0]

    def max_atoms(self, stream: Bitstream) -> int:
        """Return the largest budget that `refine` takes for streams of this size."""
        return max_atoms(prod(self.latent_shape(stream)))

    @abstractmethod
    def latent_shape(self, stream: Bitstream) -> tuple[int, int, int, int]:
        """Return the shape `(1, C, H, W)` of the latent of a stream's picture."""

    def _first(self, stream: Bitstream, condition: Condition, expect: Expectation) -> Tensor:
        """Return what is expected without any block: the estimate, or else what the painter makes of pure noise."""
        if condition.estimate is not None:
            return condition.estimate
        noise = _pure_noise(self.latent_shape(stream))
        return expect(noise.to(condition.channels.device), 1.0)

    def _target(self, stream: Bitstream, image: Image.Image) -> Tensor:
        if image.size != (stream.width, stream.height):
            raise InputError(
                f"the picture has {image.width}x{image.height} pixels, but the stream is of one of "
                f"{stream.width}x{stream.height}"
            )
        with self._freeing():
            return self.encode_latents(image).float()

    def _refined(
        self,
        stream: Bitstream,
        refinement: Refinement,
        condition: Condition,
        text: TextCondition,
        interrupt: Callable[[], bool] | None,
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield `(bytes of blocks, latent)` without a block and after each."""
        if refinement.painter is not None:
            raise StreamError(f"This file was refined with another painter ({refinement.painter:02x}): choose that.")
        expect = self._expectation(condition, text, interrupt)
        try:
            allocation = Allocation(prod(self.latent_shape(stream)), refinement.atoms)
            blocks = split_blocks(refinement.data, allocation)
        except InputError:
            raise StreamError("The file's refinement is damaged: fetch or make it again.") from None
        first = self._first(stream, condition, expect)
        yield 0, first
        length = 0
        for block, latents in zip(blocks, follow(blocks, first, expect, allocation), strict=True):
            length += len(block) + CHECK_BYTES
            yield length, latents

    def _expectation(
        self, condition: Condition, text: TextCondition, interrupt: Callable[[], bool] | None
    ) -> Expectation:
        sampler = self.make_sampler()
        last = text[-1:]

        def expect(latents: Tensor, sigma: float) -> Tensor:
            if interrupt is not None and interrupt():
                raise Interrupted("coding was stopped")
            return sampler.expect(condition, last, latents, sigma)

        return expect


def _pure_noise(shape: Sequence[int]) -> Tensor:
    """Return the standard normal noise that painters without an estimate start from."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
