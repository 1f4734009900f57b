"""The comparison of a folder of pictures with an independent decoder."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.images.files import BLUE, HEIGHT, RED, WIDTH, encode, halves, picture, png
from tools import corpus


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyvips")
    (tmp_path / "same.png").write_bytes(encode(picture(), "PNG"))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "text.txt").write_text("an old castle")
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    (tmp_path / "light.png").write_bytes(png(WIDTH, HEIGHT, 8, 2, halves(bytes(RED), bytes(BLUE)), gamma))
    assert corpus.main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("below/text.txt: This is not a picture")
    counts = {line.split(maxsplit=1)[1]: int(line.split()[0]) for line in lines[lines.index("") + 1 :]}
    assert counts == {"refused: ImageError": 1, "the same": 1, "the same but for gAMA, cHRM or cICP": 1}


def test_differences_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encode(picture(), "PNG"))
    ours = np.zeros((10, 10, 3), np.int16)
    theirs = ours.copy()
    theirs[0, :, 1] = 4
    outcome = corpus.compare(path, ours, theirs, True)
    assert (outcome.kind, outcome.line) == ("differs", "differs by up to 4, by more than 3 in 10.0% of pixels")
    assert corpus.compare(path, ours, theirs - 1, True).kind == "the same"
    assert corpus.compare(path, ours, theirs[:5], True).kind == "differs in size"
    assert corpus.compare(path, ours, None, True).kind == "read here alone"


def test_colours_are_left_out() -> None:
    plain = encode(picture(), "PNG")
    chunk = struct.pack(">I", 4) + b"cICP" + bytes([1, 13, 0, 1])
    told = plain[:33] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + plain[33:]
    assert corpus.without_colours(told) == plain
    assert corpus.without_colours(plain) is None
    assert corpus.without_colours(b"GIF89a") is None
