"""Webdataset shards of photos for tests."""

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image


def write_photos(path: Path, photos: Iterable[tuple[Image.Image | bytes, dict[str, Any]]], prefix: str = "") -> None:
    """A shard of photos, or of bytes in their place, each with its record; they are called by prefix and number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as shard:
        for number, (photo, record) in enumerate(photos):
            if isinstance(photo, Image.Image):
                file = io.BytesIO()
                photo.save(file, "WEBP", lossless=True)
                photo = file.getvalue()
            for extension, content in (("webp", photo), ("json", json.dumps(record).encode())):
                member = tarfile.TarInfo(f"{prefix}{number}.{extension}")
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))


def write_shard(path: Path, count: int, source: str) -> None:
    """A shard of one source, whose name and a hyphen come before a photo's number; a photo's red is its number."""
    photos = [
        (
            Image.new("RGB", (80, 64), (number, 0, 0)),
            {"captions": [f"photo {number} of {source}"], "source": source},
        )
        for number in range(count)
    ]
    write_photos(path, photos, f"{source}-")
