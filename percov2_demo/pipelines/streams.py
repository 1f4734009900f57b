"""What a codec does with streams once it has their indices and caption, with entropy models or without."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from percov2_demo.bitstream import Bitstream, Withheld, compress_caption
from percov2_demo.entropy.coder import EntropyError
from percov2_demo.entropy.index_coder import conceal
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.entropy.trace import GroupTrace
from percov2_demo.errors import InputError
from percov2_demo.presets import get_preset


class StreamCoding(ABC):
    """Recodes, reads and explains streams; no network that encodes or paints pictures takes part in it."""

    @property
    @abstractmethod
    def entropy_coder(self) -> EntropyCoder | None:
        """Codes and reads entropy-coded payloads; None in a model without entropy models."""

    @property
    def has_entropy_models(self) -> bool:
        """Whether indices and captions are range coded."""
        return self.entropy_coder is not None

    def default_entropy(self, preset: str) -> str:
        """Return the coding of the indices that is used for a preset when none is asked for."""
        return "uniform"

    def caption_bytes(self, caption: str) -> int:
        """Return bytes that a caption takes in this model's streams, as `Bitstream.part_sizes` counts them.

        Raises:
            InputError: The caption is too long or no Unicode text.
        """
        coder = self.entropy_coder
        return len(compress_caption(caption, "deflate")) if coder is None else coder.caption_bytes(caption)

    def recode(
        self,
        stream: Bitstream,
        caption_coding: str | None = None,
        entropy: str | None = None,
        entropy_steps: int | None = None,
        withheld: Withheld | None = None,
    ) -> Bitstream:
        """Return the same indices and caption in another coding.

        A machine on which the entropy models do not decode what they encoded gets a uniformly coded stream.

        Args:
            stream: A stream with all of its indices.
            caption_coding: "deflate", or "zlib" as in the papers, for a stream without entropy models; None for the
                shortest.
            entropy: Coding of the indices, one of `SCHEDULES`; None for the model's default, or none where that is
                shorter.
            entropy_steps: Steps of "qlds", which they imply; the usual number if None.
            withheld: Which groups of indices are not sent but drawn by the decoder.

        Raises:
            InputError: A setting is unknown or out of range, or needs entropy models that this model does not have.
        """
        if stream.refinement is not None and withheld is not None:
            raise InputError("a refinement goes with all of its indices: withhold none")
        coder = self.entropy_coder if caption_coding is None else None
        if entropy_steps is not None and entropy is None:
            entropy = "qlds"
        default = self.default_entropy(stream.preset)
        packed = replace(
            stream,
            caption_coding=caption_coding or "deflate",
            entropy="uniform",
            entropy_steps=None,
            withheld=None,
            payload=None,
        )
        if coder is None:
            if entropy not in (None, "uniform") or withheld is not None:
                if caption_coding is not None:
                    raise InputError(
                        f"a caption in {caption_coding} goes with packed indices: leave out one of the two"
                    )
                raise InputError("this model has no entropy models to code the indices with")
            return packed
        try:
            streams = [coder.recode(packed, entropy or default, entropy_steps, withheld)]
            if entropy is None and withheld is None:
                # An unusual picture can take more bits with a model than without.
                streams += [coder.recode(packed, "uniform"), packed]
            shortest = min(streams, key=lambda coded: len(coded.to_bytes()))
            coder.check(shortest)
        except EntropyError:
            return packed
        return shortest

    def read(self, source: bytes | str | Path) -> Bitstream:
        """Return the stream of a `.pcv2` file or of its bytes.

        Raises:
            StreamError: The bytes are no stream, are damaged, or need another model.
            OSError: The file cannot be read.
        """
        if isinstance(source, bytes):
            return Bitstream.from_bytes(source, self.entropy_coder)
        return Bitstream.from_file(source, self.entropy_coder)

    def information(self, stream: Bitstream) -> NDArray[np.float64]:
        """Return the bits `(rows, columns)` of each index in the stream's coding; 0 for those that are not sent."""
        coder = self.entropy_coder
        if coder is None or stream.version == 1:
            return np.full(stream.indices.shape, float(get_preset(stream.preset).bits_per_index))
        return coder.information(stream)

    def trace(self, stream: Bitstream) -> list[GroupTrace]:
        """Return how the indices of a stream become known, group by group: what is predicted and what is spent.

        Raises:
            InputError: The stream is not entropy coded, or the model has no entropy models.
        """
        coder = self.entropy_coder
        if coder is None or stream.version == 1:
            raise InputError("this stream is not entropy coded, so there are no groups to follow")
        return coder.trace(stream)

    def conceal(self, stream: Bitstream, lost: Sequence[int], seed: int = 0, temperature: float = 1.0) -> Bitstream:
        """Return the base stream with lost indices filled in by the entropy model.

        Args:
            stream: A stream.
            lost: Lost positions in the map of indices, row by row.
            seed: Seed of the draws.
            temperature: A multiple of 1/64; 0 takes the most likely index.

        Raises:
            InputError: The model has no entropy models.
        """
        coder = self.entropy_coder
        if coder is None:
            raise InputError("this model has no entropy models to fill in lost indices with")
        indices = conceal(coder.indices, stream.indices, lost, stream.preset, seed, temperature)
        return self.recode(replace(stream, indices=indices, refinement=None), "deflate", "uniform")
