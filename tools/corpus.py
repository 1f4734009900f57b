"""Puts every file of a folder through the front door for pictures and prints what an independent decoder sees
otherwise.

    python tools/corpus.py FOLDER

The independent decoder is libvips, where `pyvips` is installed (`pip install pyvips-binary pyvips`); without it, what
is refused is counted and printed. A picture counts as the same where no sample differs by more than 3 of 255 levels.
libvips does not see the colours that a PNG file names without an ICC profile (gAMA, cHRM, cICP); such a file is
compared once more without these chunks.
"""

import argparse
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np


sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from percov2_demo.errors import ImageError
from percov2_demo.images import load_image


LEVELS = 3
"""Differences of samples up to this are ignored: decoders round differently."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        kind: One of a few words, which are counted.
        line: What is printed, or nothing.
        seconds: How long it took to read it here.
    """

    kind: str
    line: str = ""
    seconds: float = 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slow", type=float, default=5, help="seconds above which a file is named (5)")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    other = OtherDecoder() if find_spec("pyvips") else None
    counts: Counter[str] = Counter()
    for path in files(options.folder):
        outcome = examine(path, other)
        counts[outcome.kind] += 1
        if outcome.line:
            print(f"{path.relative_to(options.folder)}: {outcome.line}", flush=True)
        if outcome.seconds > options.slow:
            print(f"{path.relative_to(options.folder)}: took {outcome.seconds:.1f} s", flush=True)
    print()
    for kind, count in sorted(counts.items()):
        print(f"{count:6} {kind}")
    return 0


def files(folder: Path) -> Iterator[Path]:
    """List all files below a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def examine(path: Path, other: "OtherDecoder | None") -> Outcome:
    """Read a file here and there."""
    start = time.monotonic()
    try:
        ours, refusal = np.asarray(load_image(path), np.int16), None
    except ImageError as error:
        ours, refusal = None, error
    seconds = time.monotonic() - start
    theirs = other.read(path) if other else None
    if ours is not None:
        return replace(compare(path, ours, theirs, other is not None), seconds=seconds)
    line = str(refusal) + (" The other decoder reads it." if theirs is not None else "")
    return Outcome(f"refused: {type(refusal).__name__}", line, seconds)


def compare(path: Path, ours: np.ndarray, theirs: np.ndarray | None, has_other: bool) -> Outcome:
    """Say how two readings of a file differ."""
    if theirs is None:
        return Outcome("read here alone" if has_other else "read")
    if ours.shape != theirs.shape:
        if ours.shape[0] < theirs.shape[0] and ours.shape[1] < theirs.shape[1]:
            return Outcome("read, at another size", f"{shape(ours)} here, {shape(theirs)} there")
        return Outcome("differs in size", f"{shape(ours)} here, {shape(theirs)} there")
    difference = np.abs(ours - theirs).max(-1)
    if difference.max() <= LEVELS:
        return Outcome("the same")
    plain = without_colours(path.read_bytes())
    if plain and np.abs(np.asarray(load_image(plain), np.int16) - theirs).max() <= LEVELS:
        return Outcome("the same but for gAMA, cHRM or cICP")
    share = (difference > LEVELS).mean()
    return Outcome("differs", f"differs by up to {difference.max()}, by more than {LEVELS} in {share:.1%} of pixels")


def without_colours(data: bytes) -> bytes | None:
    """Leave out what a PNG file says of its colours without a profile; None if it is no PNG, or says nothing."""
    if not data.startswith(b"\x89PNG"):
        return None
    kept, place = data[:8], 8
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind not in (b"gAMA", b"cHRM", b"cICP"):
            kept += data[place : place + 12 + length]
        place += 12 + length
    return kept if len(kept) < len(data) else None


def shape(picture: np.ndarray) -> str:
    """Write the sides of a picture."""
    return f"{picture.shape[1]}x{picture.shape[0]}"


class OtherDecoder:
    """libvips in a process of its own, which files of a corpus may crash."""

    def __init__(self) -> None:
        self._start()

    def read(self, path: Path) -> np.ndarray | None:
        """Read a file as sRGB on white, (height, width, 3) from 0 to 255; None where it cannot be read."""
        try:
            return self._executor.submit(read_by_vips, str(path)).result(timeout=120)
        except BrokenProcessPool:
            self._start()
            return None

    def _start(self) -> None:
        self._executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def read_by_vips(path: str) -> np.ndarray | None:
    """Read a file by libvips; see `OtherDecoder.read`."""
    import pyvips

    try:
        image = pyvips.Image.new_from_file(path, access="random").autorot()
        if image.get_typeof("icc-profile-data"):
            image = image.icc_transform("srgb", embedded=True, intent="perceptual")
        if image.interpretation not in ("srgb", "b-w", "multiband"):
            image = image.colourspace("srgb")
        if image.hasalpha():
            image = image.flatten(background=255)
        samples = np.ndarray((image.height, image.width, image.bands), np.uint8, image.cast("uchar").write_to_memory())
    except pyvips.Error:
        return None
    samples = samples[..., :1].repeat(3, -1) if image.bands < 3 else samples[..., :3]
    return samples.astype(np.int16)


if __name__ == "__main__":
    sys.exit(main())
