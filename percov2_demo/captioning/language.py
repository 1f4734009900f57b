"""Captions by vision-language models of the hub, such as the papers' BLIP-2 (Li et al., arXiv 2301.12597)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, PreTrainedModel, ProcessorMixin

from percov2_demo.captioning.captioner import normalize_caption
from percov2_demo.captioning.names import CAPTIONERS
from percov2_demo.checkpoints.folders import find_folder
from percov2_demo.checkpoints.free_memory import free_memory, free_on
from percov2_demo.checkpoints.memory_plans import gigabytes
from percov2_demo.checkpoints.weights import Size, component_size
from percov2_demo.errors import ModelError


MAX_TOKENS = 32
"""Length of a caption in PerCo and PerCoV2."""

_PROMPT = "Describe this image in one short sentence."


class LanguageCaptioner:
    """A model that transformers knows as image-text-to-text; fetched at once, loaded for the first caption.

    A model with a chat template is asked for a short sentence, one without, as BLIP-2, says what it was trained to
    say. The most likely words are taken, nothing is sampled. Code that comes with a repository is not run.

    Args:
        model: Short name of `CAPTIONERS`, folder, or repository on the hub.
        device: Where it works.
        dtype: Its precision.
        keep: `release` does nothing; otherwise it moves the weights from an accelerator to main memory, and on the
            CPU forgets them.

    Raises:
        ModelError: There is no such folder or repository.
    """

    def __init__(self, model: str, device: torch.device, dtype: torch.dtype = torch.float32, keep: bool = False):
        repository = CAPTIONERS.get(model, model)
        self._folder = find_folder(repository)
        # Visitors may read the name, and must not see a folder's path.
        self.name = self._folder.name if Path(repository).is_dir() else repository
        self.device, self.dtype, self.keep = device, dtype, keep
        self._loaded: tuple[PreTrainedModel, ProcessorMixin] | None = None

    @property
    def model(self) -> PreTrainedModel | None:
        """The model while it is in memory."""
        return None if self._loaded is None else self._loaded[0]

    @torch.inference_mode()
    def caption(self, images: Sequence[Image.Image]) -> list[str]:
        """Caption pictures, as `Captioner.caption`; the model sees all of them at once.

        Raises:
            ModelError: The model is damaged, too large, or none that describes pictures.
        """
        if not images:
            return []
        model, processor = self._load()
        inputs = _inputs(processor, images).to(model.device, model.dtype)
        tokens = model.generate(**inputs, max_new_tokens=MAX_TOKENS, do_sample=False)
        if "input_ids" in inputs:
            tokens = tokens[:, inputs["input_ids"].shape[1] :]
        return [normalize_caption(caption) for caption in processor.batch_decode(tokens, skip_special_tokens=True)]

    def release(self) -> None:
        """Release memory, as `Captioner.release`."""
        if self._loaded is None or self.keep:
            return
        if self.device.type == "cpu":
            self._loaded = None
        else:
            self._loaded[0].to("cpu")
            torch.accelerator.empty_cache()

    def _load(self) -> tuple[PreTrainedModel, ProcessorMixin]:
        if self._loaded is None:
            self._check_memory(component_size(self._folder))
            try:
                processor = AutoProcessor.from_pretrained(self._folder, trust_remote_code=False)
                model = AutoModelForImageTextToText.from_pretrained(
                    self._folder, dtype=self.dtype, use_safetensors=True, trust_remote_code=False
                )
            except Exception as error:  # The libraries raise errors of all kinds for files that are no such model.
                raise ModelError(
                    f"{self.name} is no captioner that can be used here: it takes safetensors weights of an "
                    "image-text-to-text model that the installed transformers has, as code of its own is not run"
                ) from error
            self._loaded = model.eval(), processor
        self._loaded[0].to(self.device)
        return self._loaded

    def _check_memory(self, size: Size) -> None:
        needed, free = size.bytes(self.dtype.itemsize), min(free_memory(), free_on(self.device))
        if needed > free:
            raise ModelError(
                f"the weights of {self.name} take about {gigabytes(needed)} of memory, and {gigabytes(free)} are "
                "free: choose another captioner, or write captions yourself"
            )


def _inputs(processor: ProcessorMixin, images: Sequence[Image.Image]) -> Any:
    if not processor.chat_template:
        return processor(images=list(images), return_tensors="pt")
    # Answers follow the prompt, so shorter prompts are padded in front.
    processor.tokenizer.padding_side = "left"
    conversations = [
        [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": _PROMPT}]}]
        for image in images
    ]
    return processor.apply_chat_template(
        conversations, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", padding=True
    )
