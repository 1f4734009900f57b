"""A public text-to-image model as a painter of files."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream.captions import encode_utf8
from percov2_demo.errors import InputError
from percov2_demo.painters.canvas import Canvas
from percov2_demo.painters.painter import Card, Painter, StepCallback, check_batch, check_sigma, make_generators
from percov2_demo.painters.stock.model import StockModel
from percov2_demo.painters.stock.scripted import Script
from percov2_demo.sampling.hold import held
from percov2_demo.sampling.sampler import Interrupted
from percov2_demo.sampling.settings import Sampling


MAX_STEPS = 100


@dataclass(frozen=True)
class StockStart:
    """What the pictures of one file share.

    Args:
        canvas: What the file says.
        sigma: Noise level at the start.
        caption: What the model is told.
        latents: The estimate in the model's latents `(1, C, H, W)`; None at the noise level 0, which needs none.
    """

    canvas: Canvas
    sigma: float
    caption: str
    latents: Tensor | None


class StockPainter(Painter):
    """Walks back from the noised estimate with a model that has never seen a file of ours.

    Args:
        model: The model.
        card: What it says of itself.
    """

    def __init__(self, model: StockModel, card: Card):
        self.model = model
        self._card = card
        self._images = VaeImageProcessor()

    @property
    def card(self) -> Card:
        return self._card

    @torch.inference_mode()
    def start(self, canvas: Canvas, sigma: float, caption: str | None = None) -> StockStart:
        check_sigma(sigma)
        caption = canvas.caption if caption is None else caption
        encode_utf8(caption)
        if sigma == 0:
            return StockStart(canvas, sigma, caption, None)
        with self._freeing():
            pixels = _fit(canvas.estimate, self._working_size(canvas), self._is_enlarged(canvas))
            vae = self.model.pipeline.vae
            latents = self.model.encode(pixels.to(self.model.pipeline._execution_device, vae.dtype))
        return StockStart(canvas, sigma, caption, latents.float())

    @torch.inference_mode()
    def paint(
        self,
        start: StockStart,
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        generator: torch.Generator | None = None,
    ) -> list[Image.Image]:
        for sampling in samplings:
            self.check_sampling(sampling)
        common = check_batch(samplings)
        if fast:
            raise InputError(f"the painter {self.card.name} has no fast mode: paint without it")
        generators = make_generators(samplings, generator)
        estimate = start.latents
        if estimate is None:
            return self._images.postprocess(start.canvas.estimate, output_type="pil") * len(samplings)
        # A pipeline takes one guidance scale a call.
        scales = [common.guidance if self.card.guidance is None else sampling.guidance for sampling in samplings]
        if len(set(scales)) > 1:
            options = (fast, callback_on_step_end, interrupt)
            return [picture for sampling in samplings for picture in self.paint(start, [sampling], *options)]
        guidance = 1.0 if self.card.guidance is None else common.guidance
        # Said here, because a host program may have set other defaults.
        numbers = {"dtype": torch.float32, "device": "cpu"}
        shape = estimate.shape
        noise = torch.cat([torch.randn(shape, generator=generator, **numbers) for generator in generators])
        grid = self._held_grid(start.canvas)
        walk = _Walk(self, estimate, grid, common, noise.shape, callback_on_step_end, interrupt)
        walk.check_stop()
        scheduler = self.model.scheduler
        scheduler.follow(Script(start.sigma, common.steps, walk.keep, walk.report))
        noisy = scheduler.mix(estimate, noise.to(estimate))
        captions = [start.caption] * len(samplings)
        with self._freeing():
            self.model.run(captions, noisy, guidance, generators, scheduler.steps)
            pixels = self._decode(walk.painted)
        return [self._cut(picture, start.canvas) for picture in self._images.postprocess(pixels, output_type="pil")]

    @torch.inference_mode()
    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        return self._images.postprocess(self._decode(latents), output_type="pil")

    def release(self) -> None:
        self.model.pipeline.remove_all_hooks()
        del self.model
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()

    def _decode(self, latents: Tensor) -> Tensor:
        # A picture at a time: the autoencoder takes more memory than the network.
        return torch.cat([self.model.decode(each).float() for each in latents.split(1)])

    @contextmanager
    def _freeing(self) -> Iterator[None]:
        """Bring parts that are offloaded back to main memory at the end, also of work that was stopped."""
        try:
            yield
        finally:
            self.model.pipeline.maybe_free_model_hooks()

    def _is_enlarged(self, canvas: Canvas) -> bool:
        return self.model.native_side**2 > canvas.width * canvas.height

    def _working_size(self, canvas: Canvas) -> tuple[int, int]:
        """Return height and width in pixels at which the model paints."""
        scale = 1.0
        if self._is_enlarged(canvas):
            scale = self.model.native_side / math.sqrt(canvas.width * canvas.height)
        multiple = self.model.multiple
        height, width = (math.ceil(side * scale / multiple) * multiple for side in (canvas.height, canvas.width))
        return height, width

    def _held_grid(self, canvas: Canvas) -> tuple[int, int]:
        """Return rows and columns of the indices' grid, continued over what the picture is padded with."""
        if self._is_enlarged(canvas):
            return canvas.grid
        sides = zip(canvas.grid, self._working_size(canvas), (canvas.height, canvas.width), strict=True)
        rows, columns = (math.ceil(cells * padded / side) for cells, padded, side in sides)
        return rows, columns

    def _cut(self, picture: Image.Image, canvas: Canvas) -> Image.Image:
        """Return a painted picture at the file's size."""
        if self._is_enlarged(canvas):
            return picture.resize((canvas.width, canvas.height), Image.Resampling.LANCZOS)
        return picture.crop((0, 0, canvas.width, canvas.height))


class _Walk:
    """Follows one run of a pipeline: holds what it expects to the bits, and tells of each step.

    Args:
        painter: The painter.
        estimate: Latents `(1, C, H, W)` to hold to.
        grid: Rows and columns of the indices' grid.
        sampling: How many steps, and how much is held.
        shape: Shape of the latents `(B, C, H, W)`.
        callback: Told of each step.
        interrupt: Asked before the first step, and after each but the last.
    """

    painted: Tensor
    """Clean latents that the latest step expects: after the last, the pictures."""

    def __init__(
        self,
        painter: StockPainter,
        estimate: Tensor,
        grid: tuple[int, int],
        sampling: Sampling,
        shape: torch.Size,
        callback: StepCallback | None,
        interrupt: Callable[[], bool] | None,
    ):
        self._painter = painter
        self._estimate = estimate
        self._grid = grid
        self._hold = sampling.hold
        self._shape = shape
        self._callback = callback
        self._interrupt = interrupt

    def check_stop(self) -> None:
        """Stop where that is asked for.

        Raises:
            Interrupted: It is.
        """
        if self._interrupt is not None and self._interrupt():
            raise Interrupted("decoding was stopped")

    def keep(self, expected: Tensor) -> Tensor:
        """Return what a step expects, held to the bits."""
        model = self._painter.model
        latents = model.unpack(expected, self._shape)
        kept = held(latents, self._estimate.to(latents), self._grid, self._hold)
        return expected if kept is latents else model.repack(kept)

    def report(self, step: int, sigma: float, moved: Tensor, expected: Tensor) -> Tensor:
        """Tell of a step, and return the latents to go on with."""
        model = self._painter.model
        self.painted = model.unpack(expected, self._shape)
        if self._callback is not None:
            latents = model.unpack(moved.float(), self._shape)
            tensors = {"latents": latents, "expected_latents": self.painted}
            changed = (self._callback(self._painter, step, sigma, tensors) or {}).get("latents", latents)
            if changed is not latents:
                # No noise is left after the last step, so that these are the pictures then.
                self.painted = changed
                moved = model.repack(changed).to(moved)
        if step + 1 < model.scheduler.steps:
            self.check_stop()
        return moved


def _fit(pixels: Tensor, size: tuple[int, int], enlarge: bool) -> Tensor:
    """Enlarge a picture `(1, 3, H, W)` to a size, or continue its edges up to it."""
    if enlarge:
        return F.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(-1, 1)
    height, width = pixels.shape[-2:]
    return F.pad(pixels, (0, size[1] - width, 0, size[0] - height), mode="replicate")
