"""Captions of whole collections, made before training so that no captioner is needed beside it."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from accelerate import PartialState
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from percov2_demo.data.caption_lines import caption_line, read_caption_lines, write_caption_lines
from percov2_demo.data.picture_files import ENDINGS, is_picture
from percov2_demo.data.shards import PhotoShards
from percov2_demo.errors import InputError, PerCoError
from percov2_demo.images import load_image


_READERS = 4
"""Most processes that read pictures ahead of the captioner."""


class Pictures(Protocol):
    """Numbered pictures, of which none is in memory before it is asked for."""

    @property
    def sources(self) -> Iterable[Path]:
        """The files that the pictures are in."""
        ...

    def __len__(self) -> int: ...

    def file(self, number: int) -> str:
        """Return what a picture is called in the file of captions."""
        ...

    def load(self, number: int) -> Image.Image:
        """Load a picture in RGB.

        Raises:
            InputError: It cannot be read.
        """
        ...


class FilePictures:
    """Pictures that are files; those of a folder are called by their paths in it.

    Args:
        paths: Files and folders.

    Raises:
        InputError: Two pictures would be called the same.
    """

    def __init__(self, paths: Sequence[Path]):
        self.paths: dict[str, Path] = {}
        for path in paths:
            found = sorted(filter(is_picture, path.rglob("*"))) if path.is_dir() else [path]
            for file in found:
                name = file.name if file == path else file.relative_to(path).as_posix()
                if self.paths.setdefault(name, file) != file:
                    raise InputError(f"two pictures would be called {name}: give the folder that both are in")
        self.files = list(self.paths)

    @property
    def sources(self) -> Iterable[Path]:
        """As `Pictures.sources`."""
        return self.paths.values()

    def __len__(self) -> int:
        return len(self.files)

    def file(self, number: int) -> str:
        """Return the name, as `Pictures.file`."""
        return self.files[number]

    def load(self, number: int) -> Image.Image:
        """Load a picture, as `Pictures.load`."""
        return load_image(self.paths[self.files[number]])


class ShardPictures:
    """Pictures in tar shards, called as `PhotoShards` calls them.

    Args:
        paths: The shards.
    """

    def __init__(self, paths: Sequence[Path]):
        self.photos = PhotoShards(paths)

    @property
    def sources(self) -> Iterable[Path]:
        """As `Pictures.sources`."""
        return self.photos.paths

    def __len__(self) -> int:
        return len(self.photos)

    def file(self, number: int) -> str:
        """Return the name, as `Pictures.file`."""
        return self.photos.file(number)

    def load(self, number: int) -> Image.Image:
        """Load a picture, as `Pictures.load`."""
        return load_image(self.photos[number].data)


class _Read(NamedTuple):
    """What came of reading a picture: it, or why it cannot be read."""

    file: str
    image: Image.Image | None
    error: str = ""


class _Readable(Dataset):
    """Pictures as a reading process gives them."""

    def __init__(self, pictures: Pictures):
        self.pictures = pictures

    def __getitem__(self, number: int) -> _Read:
        file = self.pictures.file(number)
        try:
            return _Read(file, self.pictures.load(number))
        except PerCoError as error:
            return _Read(file, None, str(error))


def open_pictures(paths: Sequence[Path]) -> Pictures:
    """Open the pictures of files, folders of files, tar shards, or folders of tar shards.

    Raises:
        InputError: Every path is missing, there is no picture, there are both files and shards, or two would be
            called the same.
    """
    found = [shard for path in paths for shard in (sorted(path.glob("*.tar")) if path.is_dir() else [path])]
    shards = list(dict.fromkeys(found))
    if all(shard.suffix == ".tar" for shard in shards) and shards:
        if len({shard.name for shard in shards}) < len(shards):
            raise InputError("two of the shards have the same name, by which captions are told apart: rename one")
        return ShardPictures(shards)
    if any(shard.suffix == ".tar" for shard in shards):
        raise InputError("give either pictures or tar shards, not both")
    if not any(path.exists() for path in paths):
        raise InputError(f"there is no file or folder {paths[0]}: check the name")
    pictures = FilePictures(paths)
    if not len(pictures):
        raise InputError(f"no pictures found: give {', '.join(ENDINGS)} files, a folder of them, or tar shards")
    return pictures


def write_captions(
    describe: Callable[[Sequence[Image.Image]], list[str]], pictures: Pictures, out: Path, batch_size: int
) -> dict[str, Any] | None:
    """Write JSON lines with `file` and `caption`, in the order of the pictures.

    What was captioned before is not captioned again, and captions of other pictures stay, before these. While a batch
    is captioned, the next is read. Under `accelerate launch` the pictures are shared among the processes; all must see
    the same folder.

    Args:
        describe: Writes captions of several pictures, as `PerCoV2Pipeline.captions`.
        pictures: The pictures; those that cannot be read are left out.
        out: The file.
        batch_size: Pictures that are captioned at once.

    Returns:
        `captions` and `unreadable`, how many pictures have captions and how many could not be read, and where there
        are such, `unreadable_files`, their names; None in all processes but the first.

    Raises:
        InputError: The batch size is below 1, `out` holds something else than captions, or none of the
            pictures can be read.
    """
    if batch_size < 1:
        raise InputError(f"the batch size must be at least 1, not {batch_size}")
    state = PartialState()
    # A process that starts later must not take the pictures of an earlier one for unfinished.
    done = set(_records(out))
    state.wait_for_everyone()
    mine = out.with_name(f"{out.name}.{state.process_index}.partial")
    # Cut off a half-written line of a killed run, so that new lines begin a line.
    write_caption_lines(mine, _partial_records(mine))
    numbers = [
        n for n in range(state.process_index, len(pictures), state.num_processes) if pictures.file(n) not in done
    ]
    hidden = None if state.is_main_process else True
    with mine.open("ab") as lines, tqdm(total=len(numbers), unit="picture", disable=hidden) as bar:
        for batch in _read_ahead(pictures, numbers, batch_size):
            for read in batch:
                if read.image is None:
                    bar.write(f"{read.file}: {read.error}", file=sys.stderr)
            readable = {read.file: read.image for read in batch if read.image is not None}
            captions = describe([*readable.values()]) if readable else []
            for name, caption in zip(readable, captions, strict=True):
                lines.write(caption_line(name, caption))
            lines.flush()
            bar.update(len(batch))
    state.wait_for_everyone()
    if not state.is_main_process:
        return None
    records = _records(out)
    ordered = [records.pop(file) for file in map(pictures.file, range(len(pictures))) if file in records]
    if records or ordered:
        write_caption_lines(out, [*records.values(), *ordered])
    for path in _partials(out):
        path.unlink()
    if not ordered:
        raise InputError("none of the pictures can be read: nothing was captioned")
    captioned = {record["file"] for record in ordered}
    unreadable = [file for file in map(pictures.file, range(len(pictures))) if file not in captioned]
    written = {"captions": len(ordered), "unreadable": len(unreadable)}
    return written | ({"unreadable_files": unreadable} if unreadable else {})


def _read_ahead(pictures: Pictures, numbers: Sequence[int], batch_size: int) -> Iterator[list[_Read]]:
    """Yield batches in the order of the numbers; about one more is in memory than the one that is given."""
    if not numbers:
        return
    readers = min(_READERS, os.cpu_count() or 1, len(numbers))
    ahead = ceil(batch_size / readers)
    loader = DataLoader(
        _Readable(pictures), batch_size=None, sampler=numbers, num_workers=readers, prefetch_factor=ahead
    )
    reads = iter(loader)
    while batch := list(islice(reads, batch_size)):
        yield batch


def _partials(out: Path) -> list[Path]:
    """Return the files that processes of a run wrote beside its result, and no other files."""
    written = re.compile(re.escape(out.name) + r"\.\d+\.partial")
    return sorted(path for path in out.parent.iterdir() if written.fullmatch(path.name))


def _records(out: Path) -> dict[str, dict[str, Any]]:
    """Return the captions so far, by picture: those in the file, and those that a stopped run left beside it."""
    lines = [line.record for line in read_caption_lines(out)] if out.is_file() else []
    return {record["file"]: record for record in [*lines, *chain.from_iterable(map(_partial_records, _partials(out)))]}


def _partial_records(path: Path) -> list[dict[str, Any]]:
    return [line.record for line in read_caption_lines(path, drops_cut=True)] if path.is_file() else []
