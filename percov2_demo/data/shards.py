"""Read captioned photos from webdataset tar shards."""

import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from PIL import Image

from percov2_demo.data.caption_lines import decode_caption_line, read_caption_lines
from percov2_demo.errors import InputError
from percov2_demo.files.atomic import atomic_path


_EXTENSIONS = ("jpg", "jpeg", "png", "webp")
"""Extensions of the pictures in a shard."""


@dataclass(frozen=True)
class Photo:
    """One encoded photo of a shard, with its captions and the name of the collection it comes from."""

    data: bytes
    captions: tuple[str, ...]
    source: str

    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.size

    def pixels(self) -> np.ndarray:
        """Decode the photo, `(H, W, 3)` uint8."""
        with Image.open(io.BytesIO(self.data)) as image:
            return np.asarray(image.convert("RGB"))


class PhotoShards(Sequence[Photo]):
    """The photos of tar shards of any size, of which no more is kept in memory than where they stand.

    A shard is webdataset's: pictures, and beside each a JSON of the same key, which may hold `captions`, or one
    `caption`, and the `source`.

    Args:
        paths: The shards.
        index: Folder that keeps the photos' positions between runs; None to read the shards again.
        captions: JSON lines with `file`, a shard's name and a picture's with a slash between them, and `caption`;
            where a photo is named there, that is its only caption.

    Raises:
        InputError: There is no photo in the shards, or a file is not what it should be.
    """

    def __init__(self, paths: Iterable[Path], index: Path | None = None, captions: Path | None = None):
        self.paths = sorted(paths)
        places = [_index_shard(path, index) for path in self.paths]
        if not sum(len(place["name"]) for place in places):
            raise InputError("no training photos found: give a folder that holds train-*.tar shards")
        self._places = {key: np.concatenate([place[key] for place in places]) for key in places[0]}
        self._shards = np.repeat(np.arange(len(places)), [len(place["name"]) for place in places])
        self._captions = captions
        self._caption_places = np.zeros((0, 2), np.int64) if captions is None else self._find_captions(captions)

    @property
    def sources(self) -> np.ndarray:
        """The photos' sources, as an array of bytes."""
        return self._places["source"]

    def file(self, number: int) -> str:
        """Return what a photo is called in a file of captions."""
        return f"{self.paths[self._shards[number]].name}/{_text(self._places['name'][number])}"

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, number: int) -> Photo:  # type: ignore[override]
        shard = self.paths[self._shards[number]]
        record = self._places["record"][number]
        captions = _captions(json.loads(_read(shard, *record))) if record[1] else ()
        if self._captions is not None and self._caption_places[number, 1]:
            captions = (decode_caption_line(_read(self._captions, *self._caption_places[number]))["caption"],)
        data = _read(shard, *self._places["picture"][number])
        return Photo(data, captions, _text(self._places["source"][number]))

    def _find_captions(self, path: Path) -> np.ndarray:
        """Find where each photo's line stands in the file, `(photos, 2)`; the length is zero where there is none."""
        places = np.zeros((len(self), 2), np.int64)
        ends = np.searchsorted(self._shards, range(len(self.paths) + 1))
        spans = {path.name: (first, end) for path, first, end in zip(self.paths, ends[:-1], ends[1:], strict=True)}
        current = None
        numbers: dict[str, int] = {}
        for line in read_caption_lines(path):
            shard, _, name = line.record["file"].partition("/")
            if shard != current and shard in spans:
                # The lines of a shard follow each other, so one shard's names at a time are enough.
                names = self._places["name"][slice(*spans[shard])]
                current, numbers = shard, {_text(key): at for at, key in enumerate(names, spans[shard][0])}
            if shard == current and name in numbers:
                places[numbers[name]] = line.offset, line.size
        return places


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _bytes(name: str) -> bytes:
    """Return a name as bytes, which need not be UTF-8 in a tar file."""
    return name.encode("utf-8", "surrogateescape")


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _captions(record: dict) -> tuple[str, ...]:
    return tuple(record.get("captions") or [record[key] for key in ("caption",) if key in record])


def _index_shard(path: Path, folder: Path | None) -> dict[str, np.ndarray]:
    """Find where photos stand in a shard: names, offset and length of picture and of record, and sources."""
    kept = None if folder is None else folder / f"{path.stem}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            if arrays["shard_size"] == path.stat().st_size:
                return {key: arrays[key] for key in arrays if key != "shard_size"}
    places = _look_through(path)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **places, shard_size=path.stat().st_size)
    return places


def _look_through(path: Path) -> dict[str, np.ndarray]:
    pictures: dict[str, tuple[str, int, int]] = {}
    records: dict[str, tuple[int, int, str]] = {}
    try:
        with tarfile.open(path, "r:") as shard:
            for member in filter(tarfile.TarInfo.isfile, shard):
                folder, _, name = member.name.rpartition("/")
                stem, _, extension = name.partition(".")
                if extension.lower() in _EXTENSIONS:
                    pictures[f"{folder}/{stem}"] = (member.name, member.offset_data, member.size)
                elif extension == "json":
                    record = cast(IO[bytes], shard.extractfile(member))
                    source = json.loads(record.read()).get("source", "")
                    records[f"{folder}/{stem}"] = (member.offset_data, member.size, source)
    except (tarfile.TarError, ValueError) as error:
        raise InputError(f"{path.name} is no tar shard of pictures and JSON") from error
    beside = [records.get(key, (0, 0, "")) for key in pictures]
    return {
        "name": np.array([_bytes(name) for name, *_ in pictures.values()], dtype=bytes),
        "picture": np.array([place for _, *place in pictures.values()], dtype=np.int64).reshape(-1, 2),
        "record": np.array([place for *place, _ in beside], dtype=np.int64).reshape(-1, 2),
        "source": np.array([_bytes(source) for *_, source in beside], dtype=bytes),
    }


def read_shard(path: Path) -> list[Photo]:
    """Read all photos of one tar shard, in the order of the shard."""
    return list(PhotoShards([path]))


def read_shards(paths: Iterable[Path]) -> list[Photo]:
    """Read all photos of several shards.

    Raises:
        InputError: There is no photo in `paths`.
    """
    return list(PhotoShards(paths))
