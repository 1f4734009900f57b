"""The slides that a host chooses for the kiosk: examples by their names, and pictures of their own."""

from collections.abc import Sequence
from pathlib import Path

from percov2_demo.commands.files import report_bad_file
from percov2_demo.errors import ImageError, InputError
from percov2_demo.evaluation.protocol import list_pictures, read_captions
from percov2_demo.images import FITS, load_image
from percov2_demo.ui.kiosk import Slide, example_slides


CAPTIONS = "captions.jsonl"
"""Beside the pictures, what they show; without it the model's captioner says it, where there is one."""


def find_slides(names: Sequence[str]) -> tuple[Slide, ...]:
    """Find the slides of a kiosk in their order; a picture that cannot be read is named on stderr and left out.

    Args:
        names: Names of examples, and paths of pictures and of folders of pictures.

    Raises:
        InputError: A name is none of these, captions do not fit, or nothing is left to show.
        OSError: A folder or captions cannot be read.
    """
    examples = example_slides()
    slides: list[Slide] = []
    for name in names:
        if name in examples:
            slides.append(examples[name])
        elif Path(name).exists():
            slides += _own_slides(Path(name))
        else:
            raise InputError(
                f"{name} is no picture, no folder of pictures, and no example: those are {', '.join(examples)}"
            )
    if not slides:
        raise InputError("no picture of --kiosk-slides can be shown: name others")
    return tuple(slides)


def _own_slides(path: Path) -> list[Slide]:
    photos = [picture.path for picture in list_pictures(path, None, FITS[0])] if path.is_dir() else [path]
    captions = photos[0].parent / CAPTIONS
    texts = read_captions(captions, [photo.name for photo in photos]) if captions.is_file() else {}
    return [Slide(photo.resolve(), texts.get(photo.name)) for photo in photos if _can_be_read(photo)]


def _can_be_read(photo: Path) -> bool:
    try:
        load_image(photo)
    except ImageError as error:
        report_bad_file(photo, error)
        return False
    return True
