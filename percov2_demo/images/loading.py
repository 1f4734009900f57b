"""Picture files from anyone, read in a process of their own."""

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from percov2_demo.errors import ImageError
from percov2_demo.images.limits import MAX_FILE_BYTES
from percov2_demo.images.pool import WorkerPool


_POOL = WorkerPool()
"""Of this process. It starts nothing before the first file."""


def load_image(source: str | Path | bytes | BinaryIO) -> Image.Image:
    """Read a picture file; of an animation, the first frame.

    The file is decoded by another process that may take so much time and memory, and no more; see `limits`. The first
    call of a program starts it, which takes some tenths of a second.

    Args:
        source: Path, the file's bytes, or a file open for reading in binary mode.

    Returns:
        An upright, opaque picture in 8-bit sRGB without metadata. Colours are converted by what the file says of them,
        HDR is mapped as `hdr` says, transparency and what no frame covers are laid on white. Grey in 32 bits or
        floating point is scaled as `normalize` says. A picture of more than `MAX_PIXELS` pixels is reduced by a whole
        factor.

    Raises:
        ImageError: The file is missing or no picture, or the picture is too small. `DamagedImage`: it is damaged.
            `UnsupportedImage`: it is of a kind that is not read here. `ImageTooLarge`: it takes too much.
    """
    return _POOL.read(_read(source))


def _read(source: str | Path | bytes | BinaryIO) -> bytes:
    try:
        if isinstance(source, str | Path):
            with open(source, "rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        else:
            data = source if isinstance(source, bytes) else source.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # A path with a null character or a closed file is a ValueError.
        raise ImageError("The picture file cannot be opened: check that it exists and may be read.") from error
    if not data:
        raise ImageError("The picture file is empty: choose another one.")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"The picture file is too large: choose one of at most {MAX_FILE_BYTES // 2**20} MB.")
    return data
