"""Tell which files of a folder are pictures."""

from pathlib import Path


ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp")
"""Ends of the names of pictures in a folder that is captioned or evaluated."""


def is_picture(path: Path) -> bool:
    """Tell whether a path in a folder is that of a picture, by its name.

    Folders are not pictures, and neither are files named "._…", in which macOS keeps metadata of other files.
    """
    return path.suffix.lower() in ENDINGS and not path.name.startswith("._") and path.is_file()
