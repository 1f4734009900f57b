"""A codec without a model, for tests of the page."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from percov2_demo.bitstream import Bitstream
from percov2_demo.images import fit_image
from percov2_demo.presets import get_preset


class StoppedError(RuntimeError):
    """What the real pipeline raises when it is told to stop."""


class FakePipeline:
    """Indices are brightnesses, pictures are the indices enlarged; `failure` is raised by the decoder if set."""

    presets = ("ultra-low", "low", "extreme-low")
    max_side = 1280

    def __init__(self, failure: Exception | None = None, description: str = "A model for tests."):
        self.config = SimpleNamespace(description=description)
        self.failure = failure
        self.calls: list[dict[str, Any]] = []
        self.interrupted = False

    def default_strength(self, preset: str) -> float:
        return {"ultra-low": 1.0, "low": 0.8}.get(preset, 0.6)

    def compress(
        self, image: Image.Image, preset: str = "ultra-low", caption: str = "", fit: str = "native"
    ) -> Bitstream:
        image = fit_image(image, fit, self.max_side)
        rows, columns = get_preset(preset).grid(*image.size)
        indices = np.asarray(image.convert("L").resize((columns, rows), Image.Resampling.BOX), np.int64)
        return Bitstream(
            width=image.width, height=image.height, preset=preset, model=7, caption=caption, indices=indices
        )

    def read(self, source: bytes | str) -> Bitstream:
        return Bitstream.from_bytes(source) if isinstance(source, bytes) else Bitstream.from_file(source)

    def decompress(
        self,
        stream: Bitstream,
        num_inference_steps: int = 20,
        guidance_scale: float = 3.0,
        strength: float | None = None,
        seed: int = 0,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        interrupt: Callable[[], bool] | None = None,
    ) -> Image.Image:
        self.calls.append(
            {"steps": num_inference_steps, "guidance_scale": guidance_scale, "strength": strength, "seed": seed}
        )
        if self.failure is not None:
            raise self.failure
        for step in range(num_inference_steps):
            if interrupt is not None and interrupt():
                self.interrupted = True
                raise StoppedError("decoding was stopped")
            if callback_on_step_end is not None:
                callback_on_step_end(self, step, 0.5, {"latents": None})
        picture = Image.fromarray(stream.indices.astype(np.uint8)).convert("RGB")
        return picture.resize((stream.width, stream.height), Image.Resampling.NEAREST)
