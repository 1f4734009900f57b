"""Captions of the pictures that a codec is given, by the captioner of its model or by another one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import PreTrainedTokenizerBase, VisionEncoderDecoderModel

from percov2_demo.captioning.captioner import Captioner
from percov2_demo.captioning.language import LanguageCaptioner
from percov2_demo.captioning.latents import LatentCaptioner
from percov2_demo.captioning.names import CAPTIONERS
from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.checkpoints.placement import Placement, find_device, precisions
from percov2_demo.errors import InputError
from percov2_demo.images import load_image, normalize


class CaptionWriting(ABC):
    """Writes captions of pictures."""

    captioner: VisionEncoderDecoderModel | None
    tokenizer: PreTrainedTokenizerBase
    vae: Any
    placement: Placement | None
    _execution_device: torch.device
    _other_captioner: Captioner | None = None

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """Precision of the network that paints."""

    @abstractmethod
    def _freeing(self) -> AbstractContextManager[None]:
        """Bring offloaded parts back to main memory at the end."""

    @property
    def has_captioner(self) -> bool:
        """Whether there is a captioner, the model's own or another one."""
        return self._other_captioner is not None or self.captioner is not None

    @property
    def has_own_captioner(self) -> bool:
        """Whether the model's own captioner writes the captions."""
        return self._other_captioner is None and self.captioner is not None

    def use_captioner(self, captioner: Captioner | str) -> None:
        """Set what writes the captions.

        Args:
            captioner: A captioner; or the word "embedded" for the model's own, "none", or what `LanguageCaptioner`
                takes, which is loaded when the first caption is asked for.

        Raises:
            InputError: The model has none of its own, or there is no such folder or repository.
        """
        self._other_captioner = None
        if captioner == "embedded":
            if self.captioner is None:
                raise InputError(f"this model has no captioner of its own: choose one of {', '.join(CAPTIONERS)}")
        elif captioner == "none":
            self.captioner = None
        elif isinstance(captioner, str):
            plan = PLANS["max"] if self.placement is None else self.placement.plan
            device = find_device("cpu") if plan.captioner == "on the CPU" else self._execution_device
            dtype = self.dtype if device == self._execution_device else precisions(plan, device)["default"]
            self._other_captioner = LanguageCaptioner(captioner, device, dtype, keep=plan.captioner == "kept")
        else:
            self._other_captioner = captioner

    def caption(self, image: Image.Image | str | Path) -> str:
        """Return a caption of a picture, always the same: lower case, no final period.

        Args:
            image: The picture, or a path to one.

        Raises:
            ImageError: The picture cannot be used.
            InputError: The model has no captioner, or its captioner cannot be loaded.
        """
        return self.captions([image])[0]

    def captions(self, images: Sequence[Image.Image | str | Path]) -> list[str]:
        """Return captions of several pictures, as `caption`, written in batches."""
        if not self.has_captioner:
            raise InputError("this model has no captioner: write a caption, or go without")
        pictures = [normalize(image) if isinstance(image, Image.Image) else load_image(image) for image in images]
        captioner = self._other_captioner or LatentCaptioner(self.captioner, self.tokenizer, self.vae)
        with self._freeing():
            return captioner.caption(pictures)

    def release_captioner(self) -> None:
        """Free the memory of a captioner that is not the model's own."""
        if self._other_captioner is not None:
            self._other_captioner.release()
