"""The fake codec with what the labs need besides."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from PIL import Image, ImageEnhance

from percov2_demo.bitstream import Bitstream
from percov2_demo.sampling.settings import Sampling
from tests.ui.fakes import FakePipeline


class LabPipeline(FakePipeline):
    """Seeds and captions change the brightness, so that pictures differ."""

    def recode(self, stream: Bitstream) -> Bitstream:
        return replace(stream)

    device = SimpleNamespace(type="cpu")

    def start(self, stream: Bitstream, strength: float) -> tuple[Bitstream, float]:
        return stream, strength

    def paint(
        self,
        start: tuple[Bitstream, float],
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        interrupt: Callable[[], bool] | None = None,
    ) -> list[Image.Image]:
        stream, strength = start
        pictures = []
        for sampling in samplings:
            settings = {"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance}
            picture = self.decompress(
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


class CaptioningPipeline(LabPipeline):
    """It sees a grey wall in everything."""

    captioner = object()

    def caption(self, image: Image.Image) -> str:
        assert image.mode == "RGB"
        return "a grey wall"
