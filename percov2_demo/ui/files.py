"""Files that come from a visitor and go to one, all within gradio's own cache."""

import io
import re
from pathlib import Path

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder
from PIL import Image


_MAX_STEM_LENGTH = 40


def safe_stem(name: str) -> str:
    """A file's name without folder and suffix, reduced to letters, digits, "-" and "_"."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(name).stem).strip("-")[:_MAX_STEM_LENGTH]
    return stem or "photo"


def save_download(data: bytes, name: str) -> str:
    """Writes a file that a visitor may fetch and returns its path; gradio deletes it when it is old."""
    return save_bytes_to_cache(data, name, cache_dir=get_upload_folder())


def png_bytes(picture: Image.Image) -> bytes:
    """A picture as a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def format_size(size: int) -> str:
    """A number of bytes as people say it: 92 bytes, 53.1 KB, 3.1 MB."""
    if size < 10_000:
        return f"{size:,} byte" + ("" if size == 1 else "s")
    if size < 999_950:
        return f"{size / 1e3:.1f} KB"
    return f"{size / 1e6:.1f} MB"
