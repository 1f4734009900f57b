"""Rate accounting: what a stream costs, part by part, and how the papers count it."""

from dataclasses import dataclass

from percov2_demo.bitstream import Bitstream, PartSizes, compress_caption


@dataclass(frozen=True)
class RateReport:
    """Bytes and bits per pixel of a stream; a pixel is one of the coded picture, as in the papers.

    Attributes:
        pixels: Pixels of the coded picture.
        parts: Bytes of the stream's parts.
        zlib_caption_bytes: Bytes of the caption in the papers' coding, zlib at level 9.
        original_bytes: Size of the original file in bytes; None where it is not known.
    """

    pixels: int
    parts: PartSizes
    zlib_caption_bytes: int
    original_bytes: int | None = None

    @classmethod
    def from_bitstream(cls, stream: Bitstream, original_bytes: int | None = None) -> "RateReport":
        """Count the bytes of a stream's parts, beside the size of the original file in bytes where it is known."""
        return cls(
            pixels=stream.width * stream.height,
            parts=stream.part_sizes,
            zlib_caption_bytes=len(compress_caption(stream.caption, "zlib")),
            original_bytes=original_bytes,
        )

    @property
    def spatial_bytes(self) -> int:
        """Bytes of the indices."""
        return self.parts.spatial

    @property
    def caption_bytes(self) -> int:
        """Bytes of the caption as this stream codes it."""
        return self.parts.caption

    @property
    def refinement_bytes(self) -> int:
        """Bytes of the refinement blocks."""
        return self.parts.refinement

    @property
    def container_bytes(self) -> int:
        """Bytes of header, check and picture size."""
        return self.parts.container

    @property
    def payload_bytes(self) -> int:
        """Bytes of indices, caption and refinement, without the container."""
        return self.spatial_bytes + self.caption_bytes + self.refinement_bytes

    @property
    def paper_bytes(self) -> int:
        """Bytes of the payload with the caption in zlib, comparable with the papers' figures."""
        return self.spatial_bytes + self.zlib_caption_bytes + self.refinement_bytes

    @property
    def file_bytes(self) -> int:
        """Bytes on disk."""
        return self.payload_bytes + self.container_bytes

    @property
    def spatial_bpp(self) -> float:
        """Bits per pixel of the indices."""
        return self._bpp(self.spatial_bytes)

    @property
    def caption_bpp(self) -> float:
        """Bits per pixel of the caption as this stream codes it."""
        return self._bpp(self.caption_bytes)

    @property
    def container_bpp(self) -> float:
        """Bits per pixel of header, check and picture size."""
        return self._bpp(self.container_bytes)

    @property
    def payload_bpp(self) -> float:
        """Bits per pixel of indices, caption and refinement, without the container."""
        return self._bpp(self.payload_bytes)

    @property
    def paper_bpp(self) -> float:
        """Bits per pixel of the payload with the caption in zlib, comparable with the papers' figures."""
        return self._bpp(self.paper_bytes)

    @property
    def file_bpp(self) -> float:
        """Bits per pixel of the file on disk."""
        return self._bpp(self.file_bytes)

    @property
    def compression_ratio(self) -> float | None:
        """Size of the original file over the size of this one; None where the original's is not known."""
        return None if self.original_bytes is None else self.original_bytes / self.file_bytes

    def to_row(self) -> dict[str, float]:
        """Return bytes and bits per pixel of this stream, as columns of a table."""
        return {
            "spatial_bytes": self.spatial_bytes,
            "caption_bytes": self.caption_bytes,
            "file_bytes": self.file_bytes,
            "payload_bpp": self.payload_bpp,
            "file_bpp": self.file_bpp,
        }

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        """Return the figures as the command line prints them.

        `bytes` and `bpp` are the parts and totals of this stream, `paper` is the payload with the caption in zlib.
        `refinement` is among the bytes of a refined stream alone, and `original` is there where the original file's
        size is known.
        """
        figures: dict[str, dict[str, float | None]] = {
            "bytes": {
                "spatial": self.spatial_bytes,
                "caption": self.caption_bytes,
                "container": self.container_bytes,
                "total": self.file_bytes,
            },
            "bpp": {
                "spatial": self.spatial_bpp,
                "caption": self.caption_bpp,
                "payload": self.payload_bpp,
                "file": self.file_bpp,
            },
            "paper": {"bytes": self.paper_bytes, "bpp": self.paper_bpp},
        }
        if self.refinement_bytes:
            figures["bytes"]["refinement"] = self.refinement_bytes
        if self.original_bytes is not None:
            figures["original"] = {"bytes": self.original_bytes, "ratio": self.compression_ratio}
        return figures

    def _bpp(self, size: int) -> float:
        return 8 * size / self.pixels
