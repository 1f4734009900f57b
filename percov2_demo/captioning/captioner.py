"""The interface of captioners, and the normal form of a caption."""

from collections.abc import Sequence
from typing import Protocol

from PIL import Image


class Captioner(Protocol):
    """Writes one line about what is on a picture."""

    def caption(self, images: Sequence[Image.Image]) -> list[str]:
        """Caption each picture in RGB, in lower case and without a final period."""
        ...

    def release(self) -> None:
        """Free the captioner's memory for the flow transformer; the next caption loads it again."""
        ...


def normalize_caption(text: str) -> str:
    """Write a caption as those that the models learned from: one line in lower case, no final period."""
    return " ".join(text.lower().split()).rstrip(" .")
