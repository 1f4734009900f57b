"""Canvases whose estimate is a picture of the test's own."""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import Bitstream
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.painters.canvas import Canvas
from percov2_demo.presets import get_preset
from tests.scene import draw_scene


class PictureDecoder:
    """Stands in for a codec whose latents are pixels."""

    def __init__(self, picture: Image.Image | None):
        self._picture = picture

    def condition(self, stream: Bitstream) -> Condition:
        estimate = None if self._picture is None else to_pixels(self._picture)
        return Condition(torch.zeros(1, 1, 1, 1), estimate)

    def known(self, stream: Bitstream, condition: Condition, interrupt: object = None) -> Tensor | None:
        return condition.estimate

    def decode_pixels(self, latents: Tensor) -> Tensor:
        return latents

    def working(self) -> AbstractContextManager[None]:
        return nullcontext()


class OddCanvas(Canvas):
    """A canvas of any size; a stream's sides are multiples of 64."""

    def __init__(self, picture: Image.Image):
        super().__init__(PictureDecoder(picture), stream_of(64, 64))
        self._size = picture.size

    @property
    def width(self) -> int:
        return self._size[0]

    @property
    def height(self) -> int:
        return self._size[1]

    @property
    def grid(self) -> tuple[int, int]:
        return 1, 1


def stream_of(width: int, height: int, caption: str = "a cat on a mat", preset: str = "low") -> Bitstream:
    grid = get_preset(preset).grid(width, height)
    indices = np.zeros(grid, np.int64)
    return Bitstream(width=width, height=height, preset=preset, model=0, caption=caption, indices=indices)


def canvas_of(picture: Image.Image | None = None, caption: str = "a cat on a mat", preset: str = "low") -> Canvas:
    """A canvas of 64x64 pixels unless a picture is given."""
    picture = draw_scene(64, 64) if picture is None else picture
    return Canvas(PictureDecoder(picture), stream_of(*picture.size, caption, preset))


def to_pixels(picture: Image.Image) -> Tensor:
    """A picture as a canvas has it: `(1, 3, H, W)` in [-1, 1]."""
    levels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    return levels.float() / 127.5 - 1
