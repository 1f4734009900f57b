"""The range-coded payload of a stream: the caption, then the indices, in one run of bytes."""

import numpy as np
from numpy.typing import NDArray

from percov2_demo.bitstream import BitstreamError, Content, Header, Payload
from percov2_demo.entropy.caption_coder import CaptionCoder
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.coder import Decoder, EntropyError, encode
from percov2_demo.entropy.index_coder import IndexCoder, UniformIndexCoder
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.schedules import Groups, schedule


MAX_CELLS = 4096
"""Largest grid that is decoded: time grows with its cells, and a damaged head can ask for any."""


class EntropyCoder:
    """Content to payload and back; a `PayloadCoder`.

    Args:
        caption_model: The frozen model of captions.
        masked_model: The frozen model of indices.
    """

    def __init__(self, caption_model: CaptionModel, masked_model: MaskedModel):
        self.captions, self.indices = CaptionCoder(caption_model), IndexCoder(masked_model)

    def encode(self, indices: NDArray[np.int64], caption: str, header: Header) -> tuple[str, Payload]:
        """`(caption coding, payload)` of the groups that the header says are sent; its own caption coding is not read.

        Args:
            indices: `(rows, columns)`.
            caption: The text.
            header: Grid, preset and coding of the indices.
        """
        coding, runs = self.captions.runs(caption)
        spatial = self._index_coder(header).runs(indices, header.preset, _groups(header)[0])
        return coding, Payload(encode(runs + spatial), len(encode(runs)))

    def decode(self, payload: bytes, header: Header) -> Content:
        """The content of a payload; groups that were not sent are drawn as the header says.

        Raises:
            BitstreamError: The payload is damaged, or its grid too large.
        """
        rows, columns = header.grid
        if rows * columns > MAX_CELLS:
            raise BitstreamError(f"The file has {rows * columns} indices, more than the {MAX_CELLS} that are decoded.")
        decoder = Decoder(payload)
        try:
            coding, caption = "none", ""
            if header.caption_coding != "none":
                coding, caption = self.captions.read(decoder, header.caption_coding == "literal")
            caption_bytes = len(encode(decoder.runs))
            sent, withheld = _groups(header)
            indices = self._index_coder(header).read(decoder, header.grid, header.preset, sent)
            decoder.finish()
        except EntropyError:
            raise BitstreamError(
                "The file is damaged or was made with another model: fetch or make it again."
            ) from None
        if header.withheld is not None:
            _, seed, temperature = header.withheld
            indices = self.indices.complete(indices, header.preset, withheld, seed, temperature)
        return Content(indices, caption, coding, caption_bytes)

    def _index_coder(self, header: Header) -> IndexCoder | UniformIndexCoder:
        return UniformIndexCoder() if header.entropy == "uniform" else self.indices


def _groups(header: Header) -> tuple[Groups, Groups]:
    """The groups that are sent and those that are not."""
    groups = schedule(header.entropy, *header.grid, header.entropy_steps or 1)
    count = len(groups) if header.withheld is None else header.withheld.sent
    return groups[:count], groups[count:]
