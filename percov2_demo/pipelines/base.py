"""What all models of the family share as diffusers pipelines: a picture to a `Bitstream`, a `Bitstream` to a picture.

Two-level decoding as in PerCo (Careil et al., arXiv 2310.10325): the indices' condition is concatenated to the noisy
latent, the caption enters through the network's attention to text, guidance acts on the text alone.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import MAX_PIXELS, Bitstream, Withheld
from percov2_demo.bitstream.captions import encode_utf8
from percov2_demo.checkpoints.fetching import Progress
from percov2_demo.checkpoints.memory_plans import PLANS, MemoryPlan, get_plan
from percov2_demo.checkpoints.placement import find_device, tiled
from percov2_demo.entropy.payload import EntropyCoder
from percov2_demo.errors import InputError, ModelError
from percov2_demo.images import fit_image, load_image, normalize
from percov2_demo.models.autoencoder import scaled_latents
from percov2_demo.models.hyper_codec import Condition
from percov2_demo.models.text_encoders import TextCondition
from percov2_demo.painters.agreement import DEFAULT_SHARE, Found, agreement, find_sigma
from percov2_demo.painters.canvas import Canvas
from percov2_demo.painters.offer import Painters
from percov2_demo.painters.own import OwnPainter
from percov2_demo.painters.painter import Painter, StepCallback, check_batch
from percov2_demo.painters.stock.loading import load_stock_painter
from percov2_demo.pipelines.captions import CaptionWriting
from percov2_demo.pipelines.model import StoredModel
from percov2_demo.pipelines.onednn import onednn_products
from percov2_demo.pipelines.refining import Refining
from percov2_demo.pipelines.streams import StreamCoding
from percov2_demo.presets import get_preset
from percov2_demo.sampling.sampler import Sampler, Start
from percov2_demo.sampling.settings import Sampling


class CodecPipeline(StoredModel, StreamCoding, Refining, CaptionWriting):
    """A codec that paints with a diffusion model; see `StoredModel` for the components."""

    default_steps: ClassVar[int] = Sampling.steps
    """Steps of the sampler when none are asked for."""

    max_steps: ClassVar[int] = 1000
    """Most steps that the sampler can take."""

    has_fast: ClassVar[bool] = True
    """Whether the sampler's fast mode was measured to be worth it."""

    painter: ClassVar[str]
    """What paints, in words for people."""

    def __init__(self) -> None:
        super().__init__()
        self.image_processor = VaeImageProcessor()
        self._tiny_autoencoder: bool | str = False
        self._painter_device: torch.device | None = None
        self._painter_plan: MemoryPlan | None = None

    @property
    @abstractmethod
    def max_side(self) -> int:
        """Longest side in pixels of a picture that the model takes."""

    @abstractmethod
    def encode_captions(self, captions: Sequence[str]) -> TextCondition:
        """Return the text condition of captions, in the network's precision."""

    @abstractmethod
    def make_sampler(self) -> Sampler:
        """Return what follows the network from noise to a picture's latents."""

    @cached_property
    def painters(self) -> Painters:
        """Who can paint: the model's own networks, and public models that are offered beside them."""
        return Painters(OwnPainter(self), self._load_painter, self._other_painters())

    def _other_painters(self) -> list[Painter]:
        """Return the painters that the model has beside its own."""
        return []

    @property
    def presets(self) -> tuple[str, ...]:
        """Names of the presets this model serves, in rising rate."""
        return tuple(self.hyper_codec.config.presets)

    @property
    def has_estimate(self) -> bool:
        """Whether sampling can start from an estimate of the latent, at a strength below 1."""
        return self.hyper_codec.config.decoder_width > 0

    @property
    def default_guidance(self) -> float:
        """Guidance scale when none is asked for."""
        return Sampling.guidance

    def default_strength(self, preset: str) -> float:
        """Return the strength that is used for a preset when none is asked for."""
        return 1.0

    def stream_strength(self, stream: Bitstream) -> float:
        """Return the strength that is used for a stream when none is asked for: 0 where it has refinement blocks."""
        return 0.0 if stream.is_refined else self.default_strength(stream.preset)

    @property
    def condition_channels(self) -> int:
        """Channels that the network has beside the noisy latent."""
        return self.hyper_codec.condition_channels

    def latent_shape(self, stream: Bitstream) -> tuple[int, int, int, int]:
        """Return the shape `(1, C, H, W)` of the latent of a stream's picture."""
        stride = self.hyper_codec.config.latent_stride
        return 1, self.vae.config.latent_channels, stream.height // stride, stream.width // stride

    @property
    def entropy_coder(self) -> EntropyCoder | None:
        """Codes and reads entropy-coded payloads, on the CPU; None in a model without."""
        if self.masked_model is None or self.caption_model is None:
            return None
        return EntropyCoder(self.caption_model, self.masked_model)

    @torch.inference_mode()
    def compress(
        self,
        image: Image.Image | str | Path,
        preset: str = "ultra-low",
        caption: str = "",
        fit: str = "native",
        caption_coding: str | None = None,
        entropy: str | None = None,
        entropy_steps: int | None = None,
        withheld: Withheld | None = None,
    ) -> Bitstream:
        """Encode a picture; the result depends on the arguments and the weights alone, not on the memory plan.

        Devices that round sums otherwise may choose other indices here and there; all decode them alike.

        Args:
            image: The picture, or a path to one.
            preset: Name of one of the model's presets.
            caption: Text that is sent along; empty for none.
            fit: How the picture is brought to sides that are multiples of 64, see `images.fit_image`.
            caption_coding: As in `recode`.
            entropy: As in `recode`.
            entropy_steps: As in `recode`.
            withheld: As in `recode`.

        Raises:
            ImageError: The picture cannot be used.
            InputError: Unknown preset, fit or coding, or a caption that is too long.
        """
        self._check_preset(preset)
        encode_utf8(caption)
        image = normalize(image) if isinstance(image, Image.Image) else load_image(image)
        image = fit_image(image, fit, max_side=self.max_side)
        indices = self._indices(image, preset)
        stream = Bitstream(
            width=image.width,
            height=image.height,
            preset=preset,
            model=self._stream_identity,
            caption=caption,
            indices=indices,
        )
        return self.recode(stream, caption_coding, entropy, entropy_steps, withheld)

    def __copy__(self) -> Self:
        """Copy the pipeline, with painters that paint with the copy's networks."""
        other = self.__class__.__new__(self.__class__)
        other.__dict__.update(self.__dict__)
        other.__dict__.pop("painters", None)
        return other

    def offer_painters(
        self,
        models: Iterable[str | Path],
        tiny_autoencoder: bool | str = False,
        device: str | None = None,
        memory: str | None = None,
    ) -> None:
        """Offer public text-to-image models as painters beside the model's own; each is loaded on first use.

        Args:
            models: Folders, or repositories on the hub.
            tiny_autoencoder: As in `load_stock_painter`, for all stock painters from now on.
            device: Where they work, as torch names it; None for where the model works.
            memory: Name of their memory plan; None for the model's.

        Raises:
            InputError: There is no such folder, device or memory plan, or two are called the same.
        """
        self._tiny_autoencoder = tiny_autoencoder
        self._painter_device = None if device is None else find_device(device)
        self._painter_plan = None if memory is None else get_plan(memory)
        self.painters.apart = device is not None
        self.painters.offer(models)

    def canvas(self, stream: Bitstream, interrupt: Callable[[], bool] | None = None) -> Canvas:
        """Prepare a stream for a painter.

        Args:
            stream: The stream.
            interrupt: Asked while its refinement is followed; True stops that.

        Raises:
            InputError: The stream is not for this model.
        """
        self._prepare(stream)
        return Canvas(self, stream, interrupt)

    @torch.inference_mode()
    def decompress(
        self,
        stream: Bitstream,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        strength: float | None = None,
        seed: int | Sequence[int] = Sampling.seed,
        generator: torch.Generator | None = None,
        caption: str | None = None,
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        painter: Painter | str | None = None,
        hold: float = 0.0,
    ) -> Image.Image | list[Image.Image]:
        """Paint the picture that a stream describes.

        Args:
            stream: The stream; it must have been made with this model.
            num_inference_steps: Steps of the sampler; the painter's default if None.
            guidance_scale: Classifier-free guidance on the text (PerCo, equation 5); 1 follows the caption without
                amplifying it at half the cost, 0 ignores the caption; the painter's default if None. A painter without
                guidance does not mind it.
            strength: Noise level in [0, 1] at which sampling starts from the hyper-decoder's estimate, or from what
                refinement made of it: noise over noise plus signal; 1 starts from pure noise as the paper does, 0
                gives the estimate itself; None takes the painter's default for the preset, and of the model's own
                painter 0 where the stream is refined.
            seed: Seed of the noise, which is drawn on the CPU and so is the same everywhere; several seeds give a
                list of pictures in one batch.
            generator: Source of the noise in place of `seed`.
            caption: Text used in place of the stream's, at most 1024 bytes in UTF-8.
            fast: Every other step goes without the network, for a slightly different picture, see `sampler`; not
                every painter has this mode.
            callback_on_step_end: Called as `callback(painter, step, sigma, {"latents", "expected_latents"})` after
                each step, where the painter, or this pipeline for its own, has `decode_latents` for a preview; may
                return a dict with new `latents`, which the own painter alone goes on with.
            interrupt: Asked before each step; True stops the sampler.
            painter: Who paints: a painter, a folder or repository of a public text-to-image model, or None for the
                model's own network.
            hold: How far each step's low frequencies are drawn back to the estimate's, from 0 to 1.

        Raises:
            InputError: An argument is out of range, or the stream is not for this model.
            ModelError: The painter cannot be used.
            Interrupted: `interrupt` returned True.
        """
        canvas, painter = self.canvas(stream, interrupt), self.painters.find(painter)
        strength = painter.stream_sigma(stream) if strength is None else strength
        seeds = [int(seed)] if isinstance(seed, int | np.integer) else list(seed)
        asked = (stream.preset, num_inference_steps, guidance_scale, strength)
        samplings = [painter.settle(*asked, value, hold) for value in seeds]
        check_batch(samplings)
        start = painter.start(canvas, strength, caption)
        images = painter.paint(start, samplings, fast, callback_on_step_end, interrupt, generator)
        return images[0] if isinstance(seed, int | np.integer) else images

    @torch.inference_mode()
    def start(
        self,
        stream: Bitstream,
        strength: float | None = None,
        caption: str | None = None,
        interrupt: Callable[[], bool] | None = None,
    ) -> Start:
        """Return what the pictures of a stream share, for `paint`.

        Args:
            stream: As in `decompress`.
            strength: As in `decompress`.
            caption: As in `decompress`.
            interrupt: As in `decompress`.

        Raises:
            InputError: The strength is out of range, the caption cannot be stored in a stream, or the stream is
                not for this model.
        """
        strength = self.stream_strength(stream) if strength is None else strength
        return self.painters.own.start(self.canvas(stream, interrupt), strength, caption)

    @torch.inference_mode()
    def condition(self, stream: Bitstream) -> Condition:
        """Decode what the indices of a stream say, in single precision."""
        condition = self._read_indices(stream.indices, stream.preset)
        estimate = None if condition.estimate is None else condition.estimate.float()
        return Condition(condition.channels, estimate)

    @torch.inference_mode()
    def estimate(self, indices: NDArray[np.int64], preset: str) -> Tensor:
        """Return the latent `(1, C, H, W)` that indices `(rows, columns)` of a preset lead one to expect.

        Raises:
            ModelError: The model has no hyper-decoder.
        """
        estimate = self._read_indices(indices, preset).estimate
        if estimate is None:
            raise ModelError("this model has no hyper-decoder, so its indices lead to no estimate")
        return estimate.float()

    def _read_indices(self, indices: NDArray[np.int64], preset: str) -> Condition:
        maps = torch.from_numpy(np.array(indices))[None].to(self._execution_device)
        return self.hyper_codec.decode(maps, preset)

    @torch.inference_mode()
    def known(
        self, stream: Bitstream, condition: Condition, interrupt: Callable[[], bool] | None = None
    ) -> Tensor | None:
        """Return the latent `(1, C, H, W)` that a stream leads to: the estimate, or what refinement made of it.

        Raises:
            StreamError: The refinement is damaged, or of another painter.
            Interrupted: `interrupt` returned True.
        """
        if stream.refinement is None:
            return condition.estimate
        # The coded steps use the sender's caption, whatever caption is painted with.
        text = self.encode_captions([stream.caption])
        *_, (_, known) = self._refined(stream, stream.refinement, condition, text, interrupt)
        return known

    @torch.inference_mode()
    def paint(
        self,
        start: Start,
        samplings: Sequence[Sampling],
        fast: bool = False,
        callback_on_step_end: StepCallback | None = None,
        interrupt: Callable[[], bool] | None = None,
        generator: torch.Generator | None = None,
    ) -> list[Image.Image]:
        """Return pictures of several settings in one batch by the model's own painter, see `Painter.paint`."""
        return self.painters.own.paint(start, samplings, fast, callback_on_step_end, interrupt, generator)

    @torch.inference_mode()
    def agreement(self, stream: Bitstream, picture: Image.Image) -> float:
        """Return the share of a stream's indices, from 0 to 1, that a painted picture gives when it is encoded again.

        Raises:
            InputError: The picture is not of the stream's size, or the stream is not for this model.
        """
        self._check_stream(stream)
        if picture.size != (stream.width, stream.height):
            raise InputError(f"the picture has {picture.width}x{picture.height} pixels, not those of the stream")
        return agreement(stream.indices, self._indices(picture, stream.preset))

    def find_sigma(
        self, stream: Bitstream, share: float = DEFAULT_SHARE, painter: Painter | str | None = None, **options: Any
    ) -> Found:
        """Return the largest strength at which a painted picture agrees with its stream, found by painting a few.

        Args:
            stream: The stream.
            share: Agreement that is enough, from 0 to 1.
            painter: As in `decompress`.
            **options: As for `decompress`; the strength is found here.

        Raises:
            InputError: As from `decompress`, or the share is out of range.
        """
        painter = self.painters.find(painter)
        return find_sigma(
            lambda sigma: self.decompress(stream, strength=sigma, painter=painter, **options),
            lambda picture: self.agreement(stream, picture),
            share,
        )

    @torch.inference_mode()
    def encode_latents(self, image: Image.Image) -> Tensor:
        """Encode a picture, its sides multiples of 64, to scaled latents `(1, C, H, W)`, the same under every plan."""
        pixels = self.image_processor.preprocess(image).to(self._execution_device, self.vae.dtype)
        with tiled(self.vae):
            return scaled_latents(self.vae, pixels)

    def decode_latents(self, latents: Tensor) -> list[Image.Image]:
        """Return pictures of scaled latents `(B, C, H, W)`, also of those that a step callback is given."""
        return self.image_processor.postprocess(self.decode_pixels(latents), output_type="pil")

    @torch.inference_mode()
    def decode_pixels(self, latents: Tensor) -> Tensor:
        """Return pictures `(B, 3, H, W)`, nominally in [-1, 1], of scaled latents."""
        config = self.vae.config
        raw = latents / config.scaling_factor + (config.shift_factor or 0.0)
        # Encoding needs single precision; decoding a picture does not, and takes half the memory in the network's.
        with torch.autocast(raw.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.vae.decode(raw.to(self.vae.dtype)).sample.float()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let the decoder work with oneDNN's products, see `onednn`, and free its memory at the end."""
        with self._freeing(), onednn_products():
            yield

    @property
    def _stream_identity(self) -> int:
        return int(self.identity[:2], 16)

    def _indices(self, image: Image.Image, preset: str) -> NDArray[np.int64]:
        """The indices `(rows, columns)` of a picture whose sides are multiples of 64."""
        with self._freeing():
            indices = self.hyper_codec.encode(self.encode_latents(image).to(self.hyper_codec.dtype), preset)
        return indices[0].cpu().numpy()

    def _check_preset(self, preset: str) -> None:
        if get_preset(preset).name not in self.presets:
            raise InputError(f"this model does not serve {preset}: choose one of {', '.join(self.presets)}")

    def _prepare(self, stream: Bitstream) -> None:
        """Refuse a stream that is not for this model, and free the memory that painting needs.

        Raises:
            StreamError: It is not.
        """
        self._check_stream(stream)
        self.release_captioner()

    def _check_stream(self, stream: Bitstream) -> None:
        if stream.model != self._stream_identity:
            raise InputError(
                f"this stream was made with model {stream.model:02x}, but model {self.identity[:2]} is loaded: "
                "decode it with the model that made it"
            )
        self._check_preset(stream.preset)
        if max(stream.width, stream.height) > self.max_side:
            raise InputError(f"this model decodes sides up to {self.max_side} pixels")
        if stream.width * stream.height > MAX_PIXELS:
            raise InputError(f"a picture of {stream.width}x{stream.height} is too large: at most {MAX_PIXELS} pixels")

    def _load_painter(self, model: str, progress: Progress | None) -> Painter:
        plan = self._painter_plan or (PLANS["max"] if self.placement is None else self.placement.plan)
        device = self._painter_device or self._execution_device
        return load_stock_painter(model, plan, device, self._tiny_autoencoder, progress)

    def make_noise(self, condition: Condition, generators: Sequence[torch.Generator]) -> Tensor:
        """Draw standard normal noise in the shape of latents with a condition, one of each generator."""
        shape = (1, self.vae.config.latent_channels, *condition.channels.shape[-2:])
        noise = torch.cat(
            [torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu") for generator in generators]
        )
        return noise.to(condition.channels.device)
