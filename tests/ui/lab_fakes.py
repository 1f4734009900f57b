"""The fake codec with what the labs need besides."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from PIL import Image, ImageEnhance

from percov2_demo.bitstream import Bitstream
from percov2_demo.painters.own import OwnPainter
from percov2_demo.sampling.settings import Sampling
from tests.ui.fakes import FakePipeline


class LabPainter(OwnPainter):
    """Seeds and captions change the brightness, so that pictures differ."""

    def __init__(self, codec: FakePipeline):
        super().__init__(codec)
        self._codec = codec

    def start(self, canvas: Bitstream, sigma: float, caption: str | None = None) -> tuple[Bitstream, float]:
        return canvas, sigma

    def paint(
        self,
        start: tuple[Bitstream, float],
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        interrupt: Callable[[], bool] | None = None,
        generator: object = None,
    ) -> list[Image.Image]:
        stream, strength = start
        pictures = []
        for sampling in samplings:
            settings = {"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance}
            picture = self._codec.decompress(
                stream,
                **settings,
                strength=strength,
                seed=sampling.seed,
                callback_on_step_end=callback_on_step_end,
                interrupt=interrupt,
            )
            brightness = 1 - 0.05 * sampling.seed - 0.01 * len(stream.caption) + 0.01 * fast
            pictures.append(ImageEnhance.Brightness(picture).enhance(brightness))
        return pictures


class LabPipeline(FakePipeline):
    """Its painter can sweep."""

    device = SimpleNamespace(type="cpu")

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.painters.own = LabPainter(self)

    def recode(self, stream: Bitstream) -> Bitstream:
        return replace(stream)

    def canvas(self, stream: Bitstream, interrupt: object = None) -> Bitstream:
        return stream


class CaptioningPipeline(LabPipeline):
    """It sees a grey wall in everything."""

    captioner = object()

    def caption(self, image: Image.Image) -> str:
        assert image.mode == "RGB"
        return "a grey wall"
