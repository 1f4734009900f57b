"""What an evaluation measures, and on which pictures."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from PIL import Image

from percov2_demo.bitstream.captions import encode_utf8
from percov2_demo.data.caption_lines import read_caption_lines
from percov2_demo.data.picture_files import ENDINGS, is_picture
from percov2_demo.errors import ImageError, InputError
from percov2_demo.evaluation.baselines import available_codecs
from percov2_demo.images import MAX_FITTED_SIDE, fit_image, load_image
from percov2_demo.sampling.settings import Sampling


@dataclass(frozen=True)
class Protocol:
    """The settings of an evaluation; every combination is measured.

    Args:
        presets: Names of bitrate presets.
        entropies: Codings of the indices: as `Bitstream.entropy`, "qlds:" and a number of steps, or "default" for
            each preset's. They change the bytes and not the picture, so pictures are measured with the first.
        samplings: Settings of the decoder.
        fit: How pictures are brought to sides that are multiples of 64, see `images.fit_image`.
        captions: Where the captions come from: a file's name, "auto" for the captioner, or "none".
        baselines: Names of classical codecs that are compared with.
        learned: Metrics that need weights of their own: "lpips", "clip", and "fid" of whole sets.
        budgets: Bytes of files that pictures are refined to; may be empty.
        dataset: What the pictures are called in tables and charts, and in the published figures they are put beside.
    """

    presets: tuple[str, ...]
    entropies: tuple[str, ...]
    samplings: tuple[Sampling, ...]
    fit: str
    captions: str
    baselines: tuple[str, ...]
    learned: tuple[str, ...]
    dataset: str
    budgets: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, values in asdict(self).items():
            if isinstance(values, tuple) and len({str(value) for value in values}) < len(values):
                raise InputError(f"one of the {name} is named twice: name each once")


@dataclass(frozen=True)
class Picture:
    """A picture of the evaluated folder.

    Args:
        path: The file.
        caption: Its caption; may be empty.
        fit: How it is brought to sides that are multiples of 64.
        max_side: Longest side in pixels that the model takes.
    """

    path: Path
    caption: str
    fit: str
    max_side: int

    @property
    def name(self) -> str:
        """What files about this picture are called."""
        return self.path.stem

    def digest(self) -> str:
        """Hash the file: SHA-256 in hexadecimal digits.

        Raises:
            ImageError: It cannot be read.
        """
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise ImageError("The picture file cannot be opened: check that it may be read.") from error

    def load(self) -> Image.Image:
        """Load the picture as it is coded and compared with."""
        return fit_image(load_image(self.path), self.fit, max_side=self.max_side)


def list_pictures(folder: Path, captions: Path | None, fit: str, max_side: int = MAX_FITTED_SIDE) -> list[Picture]:
    """List the pictures of a folder, see `is_picture`, in the order of their names.

    Args:
        folder: The folder.
        captions: JSON lines with "file" and "caption", one for every picture; None for no captions.
        fit: As `Picture.fit`.
        max_side: As `Picture.max_side`.

    Raises:
        InputError: There is no picture, two pictures have the same name, or a caption is missing or cannot be sent.
        OSError: The folder or the captions cannot be read.
    """
    paths = sorted(filter(is_picture, folder.iterdir()))
    if not paths:
        raise InputError(f"no pictures in {folder}: give a folder of {', '.join(ENDINGS)} files")
    stem, count = Counter(path.stem for path in paths).most_common(1)[0]
    if count > 1:
        raise InputError(f"two pictures are named {stem}: results are named after pictures, rename one")
    texts = read_captions(captions, [path.name for path in paths]) if captions else {}
    return [Picture(path, texts.get(path.name, ""), fit, max_side) for path in paths]


def read_captions(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Read the captions of pictures from JSON lines with "file" and "caption".

    Args:
        path: The file.
        names: Names of the pictures' files.

    Raises:
        InputError: A caption is missing or cannot be sent.
        OSError: The file cannot be read.
    """
    captions = {line.record["file"]: line.record["caption"] for line in read_caption_lines(path)}
    missing = sorted(set(names) - set(captions))
    if missing:
        raise InputError(f"{path.name} has no caption for {missing[0]}: add a line for it")
    for name in names:
        try:
            encode_utf8(captions[name])
        except InputError as error:
            raise InputError(f"{path.name} cannot be used for {name}: {error}") from None
    return captions


def describe_pictures(pictures: Sequence[Picture], caption: Callable[[Image.Image], str]) -> list[Picture]:
    """Caption what is coded of each picture; one that cannot be read stays as it is."""
    return [_described(picture, caption) for picture in pictures]


def choose_codecs(names: Sequence[str]) -> tuple[str, ...]:
    """Choose the names of the classical codecs to compare with.

    Args:
        names: Codecs by name, or the one word "all" for those that work here, or "none".

    Raises:
        InputError: A codec is unknown or does not work here.
    """
    available = tuple(available_codecs())
    if list(names) in (["all"], ["none"]):
        return available if names[0] == "all" else ()
    for name in names:
        if name not in available:
            raise InputError(f"the codec {name} is not available: choose of {', '.join(available)}, or all, or none")
    return tuple(names)


def sampling_columns(sampling: Sampling) -> dict[str, float | None]:
    """Return the settings that vary within an evaluation; painter and hold are the same in all of it."""
    names = ("steps", "guidance", "strength", "seed")
    return {name: getattr(sampling, name) for name in names}


def distinct_samplings(samplings: Iterable[Sampling]) -> tuple[Sampling, ...]:
    """Return samplings in order without repetitions; the estimate, which takes neither steps nor guidance, is one."""
    distinct: dict[Sampling | None, Sampling] = {}
    for sampling in samplings:
        distinct.setdefault(None if sampling.strength == 0 else sampling, sampling)
    return tuple(distinct.values())


def _described(picture: Picture, caption: Callable[[Image.Image], str]) -> Picture:
    try:
        image = picture.load()
    except ImageError:
        return picture
    return replace(picture, caption=caption(image))
