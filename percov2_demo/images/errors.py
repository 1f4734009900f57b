"""The kinds of `ImageError`: a picture file is damaged, or of a kind that is not read, or too large."""

from percov2_demo.errors import ImageError


class DamagedImage(ImageError):
    """The file is not what its format says it should be."""

    def __init__(self, sentence: str = "The picture is damaged or incomplete: save or download it again."):
        super().__init__(sentence)


class UnsupportedImage(ImageError):
    """The file may be sound, but pictures of its kind are not read here."""

    @classmethod
    def of(cls, kind: str, advice: str = "save the picture as a JPEG or PNG file") -> "UnsupportedImage":
        """Name a kind of pictures, in the plural and with a capital, and what to do."""
        return cls(f"{kind} cannot be read here: {advice}.")


class ImageTooLarge(ImageError):
    """The picture takes more memory or time than it may."""

    @classmethod
    def because(cls, excess: str) -> "ImageTooLarge":
        """Say what is too large, with the limit."""
        return cls(f"The picture is too large: {excess}.")
