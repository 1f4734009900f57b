"""What a codec is, and the search for the file of a size or quality in it."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from PIL import Image


Metric = Callable[[Image.Image, Image.Image], float]
"""Takes the original and the decoded picture, both RGB and of one size."""

_SMALLER_WITHIN = 2
"""How many qualities may bring nothing smaller before the walk to the smallest file ends."""


@dataclass(frozen=True)
class Codec:
    """A codec with its settings, all but the quality.

    Attributes:
        name: Key in `available_codecs`.
        label: Name for people.
        suffix: Usual ending of a file's name, with the dot.
        qualities: Settings of the codec's own scale from the smallest file to the best picture. Sizes rise along
            them, but for wiggles.
        encode: Makes the file of an RGB picture at a quality. Raises `ValueError` on a picture that is empty or not
            RGB, `CodecError` of VVC on odd sides and where its program fails.
        decode: Makes the RGB picture of a file.
    """

    name: str
    label: str
    suffix: str
    qualities: tuple[float, ...] = field(repr=False)
    encode: Callable[[Image.Image, float], bytes] = field(repr=False)
    decode: Callable[[bytes], Image.Image] = field(repr=False)


@dataclass(frozen=True)
class Coded:
    """A coded picture.

    Attributes:
        codec: The codec's name.
        quality: In the codec's own scale.
        data: The whole file.
        picture: RGB, decoded from `data` and nothing else.
        fits: False if `Ladder.at_most` was asked for less than the codec's smallest file, which this is.
    """

    codec: str
    quality: float
    data: bytes = field(repr=False)
    picture: Image.Image = field(repr=False)
    fits: bool = True


class Ladder:
    """One picture in one codec at any of its qualities; nothing is encoded or decoded twice.

    The searches take sizes and metrics to rise with quality. Where they do not quite, what is returned still keeps
    the size or reaches the target that was asked for, but a neighbouring quality may do so a little better.

    Args:
        image: An RGB picture; its metadata is not coded.
        codec: One of `available_codecs`.

    Raises:
        InputError: The picture is empty or not RGB.
    """

    def __init__(self, image: Image.Image, codec: Codec) -> None:
        self.image = without_metadata(image)
        self.codec = codec
        self._files: dict[int, bytes] = {}
        self._coded: dict[int, Coded] = {}
        self._measured: dict[tuple[Metric, int], float] = {}

    def at_most(self, max_bytes: int) -> Coded:
        """Return the best quality whose file has at most `max_bytes`, else the smallest, marked as not fitting."""
        smallest = self._smallest()
        if len(self._file(smallest)) > max_bytes:
            return replace(self._code(smallest), fits=False)
        steps = range(len(self.codec.qualities))
        too_large = bisect_left(steps, True, lo=smallest + 1, key=lambda step: len(self._file(step)) > max_bytes)
        return self._code(too_large - 1)

    def to_reach(self, metric: Metric, target: float, higher_is_better: bool = True) -> Coded | None:
        """Return the smallest file whose picture reaches the target, or None if even the best quality does not.

        Args:
            metric: Compares the original with the decoded picture; asked once about each, whatever the targets.
            target: Value of the metric to reach.
            higher_is_better: Whether the metric rises with quality; else the target is reached from above.
        """

        def reaches(step: int) -> bool:
            value = self._measure(metric, step)
            return value >= target if higher_is_better else value <= target

        smallest = self._smallest()
        if reaches(smallest):
            return self._code(smallest)
        steps = range(len(self.codec.qualities))
        enough = bisect_left(steps, True, lo=smallest + 1, key=reaches)
        return self._code(enough) if enough < len(steps) else None

    def _smallest(self) -> int:
        """Find the smallest file's quality: mostly the first, but the lowest qualities of a codec can waver."""
        best = 0
        step = 1
        while step <= min(best + _SMALLER_WITHIN, len(self.codec.qualities) - 1):
            if len(self._file(step)) < len(self._file(best)):
                best = step
            step += 1
        return best

    def _file(self, step: int) -> bytes:
        if step not in self._files:
            self._files[step] = self.codec.encode(self.image, self.codec.qualities[step])
        return self._files[step]

    def _code(self, step: int) -> Coded:
        if step not in self._coded:
            data = self._file(step)
            picture = self.codec.decode(data)
            self._coded[step] = Coded(self.codec.name, self.codec.qualities[step], data, picture)
        return self._coded[step]

    def _measure(self, metric: Metric, step: int) -> float:
        if (metric, step) not in self._measured:
            self._measured[metric, step] = metric(self.image, self._code(step).picture)
        return self._measured[metric, step]


def without_metadata(image: Image.Image) -> Image.Image:
    """Copy the pixels alone: Pillow would write a picture's profiles and comments into the coded file."""
    if image.mode != "RGB" or 0 in image.size:
        raise ValueError(
            f"Only an RGB picture with pixels can be coded, not one of mode {image.mode} and size "
            f"{image.width}x{image.height}: convert it with images.normalize."
        )
    return Image.frombytes("RGB", image.size, image.tobytes())
