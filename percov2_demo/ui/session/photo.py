"""A visitor's photo as a state of the page holds it."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class FittedPhoto:
    """A visitor's photo, ready to be encoded.

    Attributes:
        path: The photo after the fit, a PNG file.
        stem: Its name, for the names of what is made of it.
        size: Its width and height in pixels.
        received: Path of the file that the visitor gave.
        original_bytes: Its size.
        fit: Name of the fit.
    """

    path: str
    stem: str
    size: tuple[int, int]
    received: str
    original_bytes: int
    fit: str

    def open(self) -> Image.Image:
        """Open the RGB picture."""
        with Image.open(self.path) as file:
            return file.convert("RGB")
