"""Tell which files of a folder are pictures."""

from pathlib import Path


ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp")
"""Ends of the names of pictures in a folder that is captioned or evaluated."""


def is_picture(path: Path) -> bool:
    """Whether a path in a folder is that of a picture, by its name.

    Folders are none whatever they are called, and neither are files "._…", in which macOS keeps notes on others.
    """
    return path.suffix.lower() in ENDINGS and not path.name.startswith("._") and path.is_file()
