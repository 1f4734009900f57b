"""VVC by a real ffmpeg, and by programs that fail."""

import stat
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from percov2_demo.errors import CodecError
from percov2_demo.evaluation.baselines import Codec, vvc
from tests.scene import draw_scene


FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture(scope="module")
def codec() -> Codec:
    return vvc.vvc_codec(FFMPEG)


def difference(first: Image.Image, second: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(first, float) - np.asarray(second, float))


def test_quality_buys_bytes_and_fidelity(codec: Codec) -> None:
    picture = draw_scene(96, 64)
    files = [codec.encode(picture, quality) for quality in (63, 40, 10)]
    assert len(files[0]) < len(files[1]) < len(files[2])
    errors = [np.square(difference(picture, codec.decode(data))).mean() for data in files]
    assert errors[0] > errors[1] > errors[2]
    decoded = codec.decode(files[0])
    assert (decoded.mode, decoded.size) == ("RGB", (96, 64))


@pytest.mark.parametrize("colour", ["black", "white", "red", "lime", "blue", (90, 140, 30)])
def test_flat_colours_come_back(codec: Codec, colour: str | tuple[int, int, int]) -> None:
    """They do not where the two sides disagree on matrix or range."""
    picture = Image.new("RGB", (64, 48), colour)
    data = codec.encode(picture, 10)
    assert difference(codec.decode(data), picture).max() <= 2
    # Nothing but what a decoder needs: parameter sets for other pictures of a video took 110 bytes.
    assert len(data) < 120


def test_chroma_stays_where_it_was(codec: Codec) -> None:
    y, x = np.indices((48, 64))
    picture = Image.fromarray(np.stack((4 * x, 5 * y, 2 * (x + y)), -1).clip(0, 255).astype(np.uint8))
    inner = difference(codec.decode(codec.encode(picture, 0)), picture)[2:-2, 2:-2]
    assert inner.max() <= 3


def test_it_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert vvc.find_vvc() is None
    (tmp_path / "ffmpeg").symlink_to(FFMPEG)
    found = vvc.find_vvc()
    assert found is not None
    assert (found.name, found.suffix) == ("vvc", ".266")


@pytest.mark.parametrize("script", ["echo ' V....D libx264  H.264'", "exit 1"])
def test_an_ffmpeg_without_the_encoder_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    program(tmp_path / "ffmpeg", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert vvc.find_vvc() is None


def test_odd_sides_and_other_modes_are_refused(codec: Codec) -> None:
    with pytest.raises(CodecError, match="even sides, not 5x4"):
        codec.encode(Image.new("RGB", (5, 4)), 40)
    for picture in (Image.new("L", (8, 8)), Image.new("RGB", (0, 8))):
        with pytest.raises(ValueError, match="Only an RGB picture"):
            codec.encode(picture, 40)


def test_damaged_files_are_refused(codec: Codec) -> None:
    with pytest.raises(CodecError, match=r"^ffmpeg "):
        codec.decode(b"no VVC")


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'unknown option' >&2; exit 3", "ffmpeg failed with exit code 3 and said: unknown option"),
        ("exit 1", "failed with exit code 1 and said: nothing"),
        ("exit 0", "empty file"),
        ("exec sleep 5", "stopped after 0.2 seconds"),
    ],
)
def test_failing_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str) -> None:
    monkeypatch.setattr(vvc, "TIME_LIMIT", 0.2 if "sleep" in script else 30)
    failing = vvc.vvc_codec(program(tmp_path / "ffmpeg", script))
    with pytest.raises(CodecError, match=message) as caught:
        failing.encode(Image.new("RGB", (64, 48)), 40)
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_program(tmp_path: Path) -> None:
    missing = vvc.vvc_codec(str(tmp_path / "ffmpeg"))
    with pytest.raises(CodecError, match="ffmpeg cannot be run"):
        missing.decode(b"data")
