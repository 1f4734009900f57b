"""Names, sizes and places of files."""

from pathlib import Path

import pytest
from gradio.utils import get_upload_folder

from percov2_demo.images import ImageError
from percov2_demo.ui.files import format_size, received_path, safe_stem, save_download


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("tower.jpg", "tower"),
        ("My holiday (1).jpeg", "My-holiday-1"),
        ("../../etc/passwd", "passwd"),
        ("фото.png", "photo"),
        ("", "photo"),
        ("a" * 300 + ".png", "a" * 40),
    ],
)
def test_safe_stem(name, stem):
    assert safe_stem(name) == stem


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 byte"),
        (92, "92 bytes"),
        (1181, "1,181 bytes"),
        (53_144, "53.1 KB"),
        (999_960, "1.0 MB"),
        (3_100_000, "3.1 MB"),
    ],
)
def test_format_size(size, text):
    assert format_size(size) == text


def test_a_size_before_a_noun():
    assert f"a {format_size(3253, before_noun=True)} photo" == "a 3,253-byte photo"
    assert f"a {format_size(41_800, before_noun=True)} photo" == "a 41.8 KB photo"


def test_downloads_are_exact_and_within_gradios_cache():
    path = Path(save_download(b"\x00\xff", "photo-ultra-low.pcv2"))
    assert path.read_bytes() == b"\x00\xff"
    assert path.name == "photo-ultra-low.pcv2"
    assert path.is_relative_to(Path(get_upload_folder()).resolve())
    assert received_path({"path": str(path)}) == path


@pytest.mark.parametrize("path", [__file__, "/etc/hostname", get_upload_folder() + "/../other.png", "photo.png"])
def test_only_files_that_visitors_gave_are_read(path):
    with pytest.raises(ImageError, match="did not arrive"):
        received_path({"path": path})
