"""The fake codec with what the labs need besides."""

from dataclasses import replace
from typing import Any

from PIL import Image, ImageEnhance

from percov2_demo.bitstream import Bitstream
from tests.ui.fakes import FakePipeline


class LabPipeline(FakePipeline):
    """Seeds and captions change the brightness, so that pictures differ."""

    def recode(self, stream: Bitstream) -> Bitstream:
        return replace(stream)

    def decompress(self, stream: Bitstream, seed: list[int], **settings: Any) -> list[Image.Image]:
        return [self._paint(stream, value, settings) for value in seed]

    def _paint(self, stream: Bitstream, seed: int, settings: dict[str, Any]) -> Image.Image:
        picture = super().decompress(stream, seed=seed, **settings)
        return ImageEnhance.Brightness(picture).enhance(1 - 0.05 * seed - 0.01 * len(stream.caption))


class CaptioningPipeline(LabPipeline):
    """It sees a grey wall in everything."""

    captioner = object()

    def caption(self, image: Image.Image) -> str:
        assert image.mode == "RGB"
        return "a grey wall"
