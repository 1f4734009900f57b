"""The range-coded payload of a stream: the caption, then the indices, in one run of bytes."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from percov2_demo.bitstream import (
    Bitstream,
    Content,
    Header,
    Payload,
    Withheld,
    usual_steps,
)
from percov2_demo.bitstream.captions import encode_utf8
from percov2_demo.entropy.caption_coder import CaptionCoder
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.coder import Decoder, EntropyError, encode
from percov2_demo.entropy.index_coder import GroupCoder, IndexCoder, UniformIndexCoder
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.schedules import Groups, stream_groups
from percov2_demo.entropy.trace import GroupTrace, trace
from percov2_demo.errors import InputError, ModelError, PerCoError, StreamError


class EntropyCoder:
    """Content to payload and back; a `PayloadCoder`.

    Args:
        caption_model: The frozen model of captions.
        masked_model: The frozen model of indices.
    """

    def __init__(self, caption_model: CaptionModel, masked_model: MaskedModel):
        self.captions, self.indices = CaptionCoder(caption_model), IndexCoder(masked_model)

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Load the coder of a model folder.

        Raises:
            ModelError: The model has no entropy models.
        """
        if not all((folder / name).is_dir() for name in ("caption_model", "masked_model")):
            raise ModelError("this model has no entropy models: name the model that the file was made with")
        caption_model = CaptionModel.from_pretrained(folder, subfolder="caption_model")
        return cls(caption_model, MaskedModel.from_pretrained(folder, subfolder="masked_model"))

    def recode(
        self, stream: Bitstream, entropy: str, entropy_steps: int | None = None, withheld: Withheld | None = None
    ) -> Bitstream:
        """Recode a stream in version 2, not checked yet; withheld groups have the indices that a decoder draws.

        Args:
            stream: A stream with all of its indices.
            entropy: Coding of the indices, one of `SCHEDULES`.
            entropy_steps: Steps of "qlds"; the usual number if None.
            withheld: Which groups are not sent.

        Raises:
            InputError: A setting is out of range.
        """
        if entropy_steps is None:
            entropy_steps = usual_steps(entropy, stream.header.grid)
        size: dict[str, Any] = {"width": stream.width, "height": stream.height, "preset": stream.preset}
        settings: dict[str, Any] = {"entropy": entropy, "entropy_steps": entropy_steps, "withheld": withheld}
        header = Header(version=2, caption_coding="none", **size, **settings)
        coding, payload = self.encode(stream.indices, stream.caption, header)
        recoded = replace(stream, caption_coding=coding, payload=payload, **settings)
        if withheld is None:
            return recoded
        return replace(recoded, indices=self.decode(payload.data, recoded.header).indices)

    def check(self, stream: Bitstream) -> None:
        """Check that a receiver can read a stream's file.

        Raises:
            EntropyError: It says something else: this machine does not compute as it must.
        """
        try:
            received = Bitstream.from_bytes(stream.to_bytes(), self)
        except StreamError:
            received = None
        if received != stream:
            raise EntropyError("the entropy models do not decode on this machine what they encoded")

    def information(self, stream: Bitstream) -> NDArray[np.float64]:
        """Return the bits `(rows, columns)` that each index costs in the stream's coding; 0 for those not sent."""
        sent, _ = _groups(stream.header)
        return self._index_coder(stream.header).information(stream.indices, stream.preset, sent)

    def caption_bytes(self, caption: str) -> int:
        """Count the bytes of a caption, as a payload's `caption_bytes`.

        Raises:
            InputError: The caption is too long or no Unicode text.
        """
        encode_utf8(caption)
        return len(encode(self.captions.runs(caption)[1]))

    def trace(self, stream: Bitstream) -> list[GroupTrace]:
        """Trace how a stream's indices become known, a `GroupTrace` for each group that is sent."""
        _, caption = self.captions.runs(stream.caption)
        sent, _ = _groups(stream.header)
        return trace(self._index_coder(stream.header), stream.indices, stream.preset, sent, caption)

    def encode(self, indices: NDArray[np.int64], caption: str, header: Header) -> tuple[str, Payload]:
        """Encode the groups that the header says are sent to `(caption coding, payload)`.

        Args:
            indices: `(rows, columns)`.
            caption: The text.
            header: Grid, preset and coding of the indices.
        """
        coding, runs = self.captions.runs(caption)
        spatial = self._index_coder(header).runs(indices, header.preset, _groups(header)[0])
        return coding, Payload(encode(runs + spatial), len(encode(runs)))

    def decode(self, payload: bytes, header: Header) -> Content:
        """Decode a payload; groups that were not sent are drawn as the header says.

        Raises:
            StreamError: The payload is damaged, or another model's.
        """
        decoder = Decoder(payload)
        try:
            coding, caption = "none", ""
            if header.caption_coding != "none":
                coding, caption = self.captions.read(decoder, header.caption_coding == "literal")
            caption_bytes = len(encode(decoder.runs))
            sent, withheld = _groups(header)
            indices = self._index_coder(header).read(decoder, header.grid, header.preset, sent)
            decoder.finish()
            if header.withheld is not None:
                _, seed, temperature = header.withheld
                indices = self.indices.complete(indices, header.preset, withheld, seed, temperature)
        except PerCoError:
            raise StreamError("The file is damaged or was made with another model: fetch or make it again.") from None
        return Content(indices, caption, coding, caption_bytes)

    def _index_coder(self, header: Header) -> GroupCoder:
        return UniformIndexCoder() if header.entropy == "uniform" else self.indices


def _groups(header: Header) -> tuple[Groups, Groups]:
    """Return the groups that are sent and those that are not.

    Raises:
        InputError: The header withholds groups that there are not.
    """
    groups = stream_groups(header)
    if header.withheld is None:
        return groups, ()
    count = header.withheld.sent
    if count >= len(groups):
        raise InputError(f"the coding {header.entropy} has {len(groups)} groups here: send fewer, or all of them")
    return groups[:count], groups[count:]
