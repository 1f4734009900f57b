"""Names, sizes and places of files."""

from pathlib import Path

import pytest
from gradio.utils import get_upload_folder

from percov2_demo.errors import ImageError
from percov2_demo.ui.server.files import received_path, safe_stem, save_download


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
