"""Where files come from."""

import io
from pathlib import Path

import pytest

from percov2_demo.errors import ImageError
from percov2_demo.images import MAX_FILE_BYTES, load_image
from tests.images.files import assert_refused, encode, picture


def test_sources(tmp_path: Path) -> None:
    data = encode(picture(), "PNG")
    path = tmp_path / "päth with spaces.png"
    path.write_bytes(data)
    with path.open("rb") as file:
        images = [load_image(source) for source in (data, path, str(path), io.BytesIO(data), file)]
    assert {image.tobytes() for image in images} == {picture().tobytes()}


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encode(picture(), "PNG"))
    assert load_image(path).tobytes() == picture().tobytes()


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    closed = io.BytesIO(b"x")
    closed.close()
    for source in (tmp_path / "missing.png", tmp_path, "", "nul\0character", "x" * 10_000, closed):
        assert_refused(source, "cannot be opened")


def test_the_message_does_not_name_the_path(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    for data in (b"", b"text", encode(picture(), "PNG")[:-40]):
        path.write_bytes(data)
        with pytest.raises(ImageError) as caught:
            load_image(path)
        assert "secret" not in str(caught.value)


def test_an_empty_file() -> None:
    assert_refused(b"", "empty")


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert_refused(path, "64 MB")
