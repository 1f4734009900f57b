"""Captions of whole collections, made before training so that no captioner is needed beside it."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from accelerate import PartialState
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from percov2_demo.data.caption_lines import read_caption
from percov2_demo.data.shards import PICTURES, PhotoShards
from percov2_demo.errors import InputError, PerCoError
from percov2_demo.images import load_image


_READERS = 4
"""Most processes that read pictures ahead of the captioner."""


class Pictures(Protocol):
    """Numbered pictures, of which none is in memory before it is asked for."""

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
            found = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in found:
                if file == path or file.suffix.lower().lstrip(".") in PICTURES:
                    name = file.name if file == path else file.relative_to(path).as_posix()
                    if self.paths.setdefault(name, file) != file:
                        raise InputError(f"two pictures would be called {name}: give the folder that both are in")
        self.files = list(self.paths)

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
        InputError: A path is missing, there is no picture, there are both files and shards, or two would be called
            the same.
    """
    found = [shard for path in paths for shard in (sorted(path.glob("*.tar")) if path.is_dir() else [path])]
    shards = list(dict.fromkeys(found))
    if all(shard.suffix == ".tar" for shard in shards) and shards:
        if len({shard.name for shard in shards}) < len(shards):
            raise InputError("two of the shards have the same name, by which captions are told apart: rename one")
        return ShardPictures(shards)
    if any(shard.suffix == ".tar" for shard in shards):
        raise InputError("give either pictures or tar shards, not both")
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise InputError(f"there is no file or folder {missing}: check the name")
    pictures = FilePictures(paths)
    if not len(pictures):
        raise InputError(f"no pictures found: give {', '.join(PICTURES)} files, a folder of them, or tar shards")
    return pictures


def write_captions(
    describe: Callable[[Sequence[Image.Image]], list[str]], pictures: Pictures, out: Path, batch_size: int
) -> dict[str, int] | None:
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
        How many pictures have captions, and how many could not be read; None in all processes but the first.

    Raises:
        InputError: The batch size is no number of pictures, `out` holds something else than captions, or none of the
            pictures can be read.
    """
    if batch_size < 1:
        raise InputError(f"the batch size must be at least 1, not {batch_size}")
    state = PartialState()
    # A process that starts later must not take for unfinished what an earlier one is at.
    done = {record["file"] for path in (out, *_partials(out)) for record in _records(path)}
    state.wait_for_everyone()
    mine = out.with_name(f"{out.name}.{state.process_index}.partial")
    _rewrite(mine, _records(mine))
    numbers = [
        n for n in range(state.process_index, len(pictures), state.num_processes) if pictures.file(n) not in done
    ]
    hidden = None if state.is_main_process else True
    with mine.open("a", encoding="utf-8") as lines, tqdm(total=len(numbers), unit="picture", disable=hidden) as bar:
        for batch in _read_ahead(pictures, numbers, batch_size):
            for read in batch:
                if read.image is None:
                    bar.write(f"{read.file}: {read.error}", file=sys.stderr)
            readable = [read for read in batch if read.image is not None]
            captions = describe([read.image for read in readable]) if readable else []
            for read, caption in zip(readable, captions, strict=True):
                lines.write(json.dumps({"file": read.file, "caption": caption}, ensure_ascii=False) + "\n")
            lines.flush()
            bar.update(len(batch))
    state.wait_for_everyone()
    if not state.is_main_process:
        return None
    records = {record["file"]: record for path in (out, *_partials(out)) for record in _records(path)}
    ordered = [records.pop(file) for file in map(pictures.file, range(len(pictures))) if file in records]
    if records or ordered:
        _rewrite(out, [*records.values(), *ordered])
    for path in _partials(out):
        path.unlink()
    if not ordered:
        raise InputError("none of the pictures can be read: nothing was captioned")
    return {"captions": len(ordered), "unreadable": len(pictures) - len(ordered)}


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
    return sorted(out.parent.glob(f"{out.name}.*.partial"))


def _records(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a file, up to one that was cut off."""
    return list(_whole_lines(path)) if path.is_file() else []


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            yield read_caption(line, path.name)


def _rewrite(path: Path, records: Sequence[dict[str, Any]]) -> None:
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    temporary.replace(path)
