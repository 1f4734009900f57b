"""A model of the family as a diffusers pipeline: how it is loaded, placed, identified and saved."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import DiffusionPipeline
from transformers import VisionEncoderDecoderModel

from percov2_demo.checkpoints.damage import damage_as_sentence
from percov2_demo.checkpoints.fetching import DOWNLOAD_OPTIONS
from percov2_demo.checkpoints.fingerprint import fingerprint
from percov2_demo.checkpoints.folders import model_folder, pipeline_class
from percov2_demo.checkpoints.free_memory import check_memory
from percov2_demo.checkpoints.memory_plans import ENTROPY_MODELS, INTEGER_MODELS, Estimate, MemoryPlan, get_plan
from percov2_demo.checkpoints.placement import Placement, find_device, load_t5, place, precisions
from percov2_demo.checkpoints.weights import component_sizes
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.entropy.scale_model import ScaleModel
from percov2_demo.errors import ModelError


ASIDE = (*ENTROPY_MODELS, "captioner")
"""Components that do not turn indices and caption into a picture."""


class StoredModel(DiffusionPipeline, ABC):
    """Loads, places, identifies and saves a model.

    Subclasses register the components `vae`, `hyper_codec`, `scheduler` and `tokenizer`, and of the entropy models and
    the captioner those that they have.
    """

    masked_model: MaskedModel | None = None
    caption_model: CaptionModel | None = None
    scale_model: ScaleModel | None = None
    captioner: VisionEncoderDecoderModel | None = None
    placement: Placement | None = None

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """Precision of the network that paints; the entropy models are integers."""

    @property
    @abstractmethod
    def prediction_type(self) -> str:
        """What the network's output means."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path | None = None,
        memory: str | None = None,
        device: str = "cpu",
        base: str | Path | None = None,
        **kwargs: Any,
    ) -> Self:
        """Load a complete model, or an adapter onto its base; without an argument the embedded model.

        Args:
            pretrained_model_name_or_path: Folder, or repository on the hub.
            memory: Name of a memory plan, see `memory_plans.PLANS`; None for "max".
            device: Where the model is to work, as torch names it.
            base: Folder or repository of an adapter's base, where it is not the one that the adapter names.
            **kwargs: `revision`, `token`, `cache_dir`, `local_files_only` and `force_download` go to the hub's
                download of the model and, but for `revision`, of an adapter's base; all others to `from_pretrained`
                of the complete model, or of the base. `dtype` takes precedence over the memory plan's precision.

        Raises:
            ModelError: There is no such model, it is damaged, it does not fit into memory, it is a base without an
                adapter, or its weights are not the ones that its identity stands for. Those of a complete model are
                compared when they are loaded in single precision.
            InputError: There is no such device or memory plan.
        """
        download = {name: kwargs.pop(name) for name in DOWNLOAD_OPTIONS if name in kwargs}
        plan, target = get_plan(memory or "max"), find_device(device)
        folder = model_folder(pretrained_model_name_or_path, **download)
        download.pop("revision", None)
        kind = pipeline_class(folder)
        if kind != cls.__name__:
            raise ModelError(f"{folder.resolve().name} holds {kind}, not {cls.__name__}")
        if "torch_dtype" in kwargs:
            kwargs["dtype"] = kwargs.pop("torch_dtype")
        kwargs.setdefault("dtype", precisions(plan, target))
        with damage_as_sentence(folder):
            pipeline, needed = cls._load(folder, plan, target, base, download, **kwargs)
        place(pipeline, plan, target)
        pipeline.placement = Placement(plan, target.type, needed)
        return pipeline

    @classmethod
    def _load(
        cls,
        folder: Path,
        plan: MemoryPlan,
        device: torch.device,
        base: str | Path | None,
        download: Mapping[str, Any],
        **kwargs: Any,
    ) -> tuple[Self, Estimate]:
        """Load the model of a folder, with the memory that its weights take; a complete model does not use `base`."""
        needed = check_memory(component_sizes(folder), plan, device)
        kwargs |= load_t5(folder, plan, device) | {"use_safetensors": True}
        pipeline = super().from_pretrained(str(folder), **kwargs)
        for name, part in pipeline.networks.items():
            if any(parameter.is_meta for parameter in part.parameters()):
                raise ModelError(f"the model's {name} lacks some of its weights: fetch the model again")
        identity = pipeline.config.identity
        # Half-precision copies of single-precision weights cannot be compared.
        if identity and pipeline.dtype == torch.float32 and identity != pipeline.compute_identity():
            raise ModelError("the model's weights do not match its identity: fetch the model again")
        return pipeline, needed

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move the networks, as `DiffusionPipeline.to`; what computes in integers stays on the CPU."""
        super().to(*args, **kwargs)
        self._keep_integer_models()
        return self

    def enable_model_cpu_offload(self, *args: Any, **kwargs: Any) -> None:
        """Offload networks, as `DiffusionPipeline.enable_model_cpu_offload`; what computes in integers stays."""
        super().enable_model_cpu_offload(*args, **kwargs)
        self._keep_integer_models()

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write the model as a folder of safetensors, its identity included."""
        self.register_to_config(identity=self.compute_identity())
        super().save_pretrained(save_directory, **kwargs)

    @property
    def description(self) -> str:
        """What the model is, in a sentence or two; empty if unknown."""
        return self.config.description

    @property
    def identity(self) -> str:
        """The model's fingerprint, 64 hexadecimal digits; a stream carries the first two."""
        if self.config.identity is None:
            self.register_to_config(identity=self.compute_identity())
        return self.config.identity

    @property
    def entropy_identity(self) -> str | None:
        """Fingerprint of the entropy models, which are needed to read an entropy-coded stream; None without them."""
        if self.masked_model is None or self.caption_model is None:
            return None
        merges = self.caption_model.config.merges
        return fingerprint({name: self.networks[name] for name in ENTROPY_MODELS}, {"merges": merges})

    @property
    def networks(self) -> dict[str, torch.nn.Module]:
        """The components that have parameters, by name."""
        return {name: part for name, part in self.components.items() if isinstance(part, torch.nn.Module)}

    def _keep_integer_models(self) -> None:
        for name in INTEGER_MODELS:
            part = getattr(self, name)
            if part is not None:
                part.to("cpu")

    @contextmanager
    def _freeing(self) -> Iterator[None]:
        """Bring the parts that are offloaded back to main memory at the end, also of work that failed or was stopped.

        The next picture's parts need the room.
        """
        try:
            yield
        finally:
            self.maybe_free_model_hooks()

    def compute_identity(self) -> str:
        """Compute the fingerprint of what turns indices and caption into a picture, as the weights are now."""
        tokenizers = [part for name, part in sorted(self.components.items()) if name.startswith("tokenizer")]
        settings = {
            "shift_factor": self.vae.config.shift_factor,
            "scaling_factor": self.vae.config.scaling_factor,
            "prediction_type": self.prediction_type,
            "vocabularies": [tokenizer.get_vocab() for tokenizer in tokenizers if tokenizer is not None],
        }
        # The networks that turn indices and caption into a picture; a stream's check detects other entropy models.
        networks = {name: part for name, part in self.networks.items() if name not in ASIDE}
        return fingerprint(networks, settings)
