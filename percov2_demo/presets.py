"""The bitrate presets: how densely a picture is indexed and how many code vectors an index chooses from."""

from dataclasses import dataclass

from percov2_demo.errors import InputError


SIDE_MULTIPLE = 64
"""Sides of a coded picture in pixels are multiples of this, so that every preset's grid has whole cells."""

NOMINAL_SIDE = 512
"""Side in pixels of the square pictures on which the papers state their rates."""


@dataclass(frozen=True)
class PublishedRate:
    """A rate that others published for a preset's grid and codebook, on 512x512 pictures.

    Attributes:
        bpp: Bits per pixel, without any container.
        covers: What the figure counts.
        source: Where it was published.
    """

    bpp: float
    covers: str
    source: str


@dataclass(frozen=True)
class Preset:
    """A point on the rate axis.

    A block of 64x64 pixels costs a whole number of bytes in every preset, so packed indices need no padding; the
    codebook's size is a power of two, so every bit pattern is an index.

    Attributes:
        name: The preset's name.
        code: Its number in a stream, 0 to 3; never reused for another preset.
        stride: Pixels per index along each side.
        codebook_size: Number of code vectors.
        published: Figures published for the same grid and codebook.
    """

    name: str
    code: int
    stride: int
    codebook_size: int
    published: tuple[PublishedRate, ...] = ()

    @property
    def bits_per_index(self) -> int:
        """Bits of an index without entropy coding."""
        return (self.codebook_size - 1).bit_length()

    @property
    def nominal_bpp(self) -> float:
        """Bits per pixel of the indices of a 512x512 picture without entropy coding, as the papers name a rate."""
        return 8 * self.index_bytes(NOMINAL_SIDE, NOMINAL_SIDE) / NOMINAL_SIDE**2

    def grid(self, width: int, height: int) -> tuple[int, int]:
        """Return rows and columns of indices of a picture whose sides are given in pixels.

        Raises:
            InputError: A side is not a positive multiple of 64.
        """
        if width <= 0 or height <= 0 or width % SIDE_MULTIPLE or height % SIDE_MULTIPLE:
            raise InputError(f"sides must be positive multiples of {SIDE_MULTIPLE} pixels, not {width}x{height}")
        return height // self.stride, width // self.stride

    def index_bytes(self, width: int, height: int) -> int:
        """Count the bytes of a picture's packed indices, without entropy coding; sides are in pixels.

        Raises:
            InputError: A side is not a positive multiple of 64.
        """
        rows, columns = self.grid(width, height)
        return rows * columns * self.bits_per_index // 8


_PERCOV2 = "PerCoV2 (Körber et al., arXiv 2503.09368), table 1"
"""The table does not name its pictures; its ultra-low figures equal the paper's averages over Kodak at 512x512."""

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="ultra-low",
            code=0,
            stride=64,
            codebook_size=256,
            published=(
                PublishedRate(0.00363, "indices, uniform, and the caption in zlib", _PERCOV2),
                PublishedRate(0.00340, "indices, quincunx or QLDS (S = 5), and the caption in zlib", _PERCOV2),
            ),
        ),
        Preset(
            name="low",
            code=1,
            stride=32,
            codebook_size=1024,
            # PerCoV2 reports no result at this grid; PerCo (SD) lists it as a configuration, without weights.
            published=(PublishedRate(0.0098, "indices alone: configured, not measured", "PerCo (SD), src/config.py"),),
        ),
        Preset(
            name="extreme-low",
            code=2,
            stride=16,
            codebook_size=256,
            published=(
                PublishedRate(0.03293, "indices, uniform, and the caption in zlib", _PERCOV2),
                PublishedRate(0.02616, "indices, QLDS (S = 12), and the caption in zlib", _PERCOV2),
            ),
        ),
        Preset(
            name="high",
            code=3,
            stride=8,
            codebook_size=256,
            published=(PublishedRate(0.1250, "indices alone", "PerCo (SD), src/config.py"),),
        ),
    )
}
"""The presets by name, in rising rate."""


def get_preset(name: str) -> Preset:
    """Return the preset of that name.

    Raises:
        InputError: There is no such preset; the message lists the names.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
