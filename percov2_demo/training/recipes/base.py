"""What all recipes share: a config, data, a work folder, and the stages that do not depend on the networks' size.

A work folder holds one folder a stage: its training state, its curve, and its averaged result.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedDataParallelKwargs,
    FullyShardedDataParallelPlugin,
    InitProcessGroupKwargs,
    str_to_bool,
)
from diffusers import ModelMixin
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy

from percov2_demo.data.shards import PhotoShards
from percov2_demo.entropy.integer_layers import freeze, make_trainable
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.errors import InputError
from percov2_demo.metrics.photo_statistics import PHOTO_STATISTICS
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.training.data.determinism import Draws, Share
from percov2_demo.training.data.encoded import encoder_fingerprint, is_encoded
from percov2_demo.training.data.indices import PART_PHOTOS, IndexBatches, encode_indices
from percov2_demo.training.loop import LoopConfig, NextBatch, TrainingRun, check_folder
from percov2_demo.training.measures.curves import draw_curves
from percov2_demo.training.measures.photo_statistics import measure_photo_statistics
from percov2_demo.training.measures.results import collect_results
from percov2_demo.training.objectives.masked import EntropyConfig, MaskedObjective, fix_offsets, start_from_codes
from percov2_demo.training.stage_names import STAGES, TIMED_STAGES, WRITING_STAGES


DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "no": torch.float32}
"""Types of accelerate's names of precisions."""

LONGEST_WAIT = timedelta(hours=6)
"""How long a process waits for the main one, which may have shards to look through or pictures to paint."""


class Recipe(ABC):
    """The training stages of one model.

    Args:
        config: Contents of a config file, see `configs`.
        data: Folder with `photos/train-*.tar`.
        work: Folder for the results of all stages.
        precision: "bf16", "fp16" or "no", as accelerate names them; None for what `accelerate launch` was told, and
            bf16 without it.
        model: Model folder that the later stages go on from; None for the model that the stages made.
    """

    def __init__(
        self,
        config: dict[str, Any],
        data: Path,
        work: Path,
        precision: str | None = None,
        model: str | None = None,
    ):
        self.config, self.data, self.work, self.model = config, data, work, model
        precision = precision or os.environ.get("ACCELERATE_MIXED_PRECISION", "bf16")
        self.accelerator = Accelerator(
            mixed_precision=precision,
            gradient_accumulation_steps=config.get("gradient_accumulation_steps", 1),
            fsdp_plugin=sharding_plugin(precision),
            kwargs_handlers=[
                InitProcessGroupKwargs(timeout=LONGEST_WAIT),
                # Gradients are kept in the buckets in which they are summed, without a second copy.
                # The painter's steps on estimates do not use the transformer.
                DistributedDataParallelKwargs(gradient_as_bucket_view=True, find_unused_parameters=True),
            ],
        )

    @classmethod
    def stages(cls) -> tuple[str, ...]:
        """List the recipe's stages, in their order."""
        return tuple(name for name in STAGES if hasattr(cls, _method_name(name)))

    def run(self, stage: str, time_budget_s: float, resume: bool = False, out: Path | None = None) -> None:
        """Run a stage by name; those that do not train run to their end.

        Args:
            stage: Name of the stage.
            time_budget_s: Seconds after which a stage that trains ends.
            resume: Whether a stage that trains goes on from its saved state.
            out: Folder that the stages of `WRITING_STAGES` write.

        Raises:
            InputError: The recipe has no such stage, the config no settings for it, or it has no folder to write; or
                `check_folder` says so.
        """
        if stage not in self.stages():
            raise InputError(f"this recipe has no stage {stage}: its stages are {', '.join(self.stages())}")
        if stage in TIMED_STAGES and stage not in self.config:
            raise InputError(f"the config lacks {stage}, the settings of that stage")
        if stage in WRITING_STAGES and out is None:
            raise InputError(f"the {stage} stage writes a folder: name one, as out")
        method = getattr(self, _method_name(stage))
        # Seeded here, so that a stage starts alike in every process, whatever ran before it.
        torch.manual_seed(self.config["seed"])
        if stage in TIMED_STAGES:
            # Before networks are loaded, or anything is written beside the state.
            check_folder(self.work / stage, resume)
            method(time_budget_s, resume)
            self.accelerator.free_memory()
        elif stage == "indices" or self.accelerator.is_main_process:
            method(out) if stage in WRITING_STAGES else method()
        self.accelerator.wait_for_everyone()

    def indices(self) -> None:
        """Encode all photos with a trained model, in parts that processes share; finished parts are kept."""
        device, index, processes = self.accelerator.device, *self._place()
        networks = [part.to(device, memory_format=torch.channels_last) for part in self._encoders()]
        encoder, config = encoder_fingerprint(*networks), self.config["indices"]
        with self.accelerator.main_process_first():
            paths = sorted((self.data / "photos").glob("*.tar"))
            shards = {path.stem: PhotoShards([path], self._shards_folder()) for path in paths}
        parts = [(name, first) for name, photos in shards.items() for first in range(0, len(photos), PART_PHOTOS)]
        for number, (name, first) in list(enumerate(parts))[index::processes]:
            path = self._indices_folder() / name / f"{first:09d}.safetensors"
            if not is_encoded(path, encoder):
                numbers = range(first, min(first + PART_PHOTOS, len(shards[name])))
                seed = self.config["seed"] + number
                encode_indices(shards[name], numbers, *networks, encoder, path, seed=seed, device=device, **config)

    def entropy(self, time_budget_s: float, resume: bool = False) -> None:
        """Train the masked model on the training photos' indices."""
        config, hyper_codec = EntropyConfig(**self.config["entropy"]), self._encoders()[1]
        model = MaskedModel(hyper_codec.config.presets, **config.model)
        make_trainable(model)
        fix_offsets(model, [symbols.indices for symbols in model.symbols.values()])
        start_from_codes(model, {name: part.codebook for name, part in hyper_codec.quantizers.items()})
        paths = self._indices_folder().glob("train-*/*.safetensors")
        batches = IndexBatches(paths, config.shapes, self.config["seed"])
        objective = MaskedObjective(model, config.weights, config.schedules)
        trained = self._run("entropy", objective, self._shared(batches), time_budget_s, resume)
        freeze(trained.model)
        self._save("entropy", trained.model)

    def curves(self) -> None:
        """Draw the loss curves of all stages as `curves.html`, which needs no network."""
        paths = {stage: self.work / stage / "curve.csv" for stage in TIMED_STAGES}
        draw_curves(paths).write_html(self.work / "curves.html")

    def photo_statistics(self, out: Path) -> None:
        """Measure the training photos for deep realism; it concerns no model, and all models share the file.

        Raises:
            InputError: There are too few photos.
            MetricError: The weights of the deep metrics are missing.
        """
        photos = PhotoShards(self._train_shards(), self._shards_folder())
        measure_photo_statistics(photos, self.config["seed"]).save(out / PHOTO_STATISTICS.name)

    def results(self, out: Path) -> None:
        """Copy the stages' measurements and curves to a folder."""
        collect_results(self.work, TIMED_STAGES, out)

    @abstractmethod
    def export(self, out: Path) -> None:
        """Write the model that the stages made."""

    @abstractmethod
    def _encoders(self) -> tuple[ModelMixin, HyperCodec]:
        """Load the autoencoder and the trained hyper-codec."""

    def _shared(
        self, next_batch: Callable[[int], dict[str, Tensor]], groups: int = 1, draws: bool = True
    ) -> NextBatch:
        """Split whole batches into shares.

        Args:
            next_batch: The global batch of a step.
            groups: Groups that the objective splits a batch into.
            draws: Whether the objective takes random numbers.
        """
        seed, device = self.config["seed"], self.accelerator.device

        def share_of(step: int, share: Share) -> dict[str, Tensor | Draws]:
            batch = {name: share.take(tensor, groups).to(device) for name, tensor in next_batch(step).items()}
            return batch | ({"draws": Draws(seed, step, share)} if draws else {})

        return share_of

    def _run(
        self,
        stage: str,
        objective: nn.Module,
        next_batch: NextBatch,
        time_budget_s: float,
        resume: bool,
        on_save: Callable[[nn.Module, int], None] | None = None,
    ) -> nn.Module:
        loop = LoopConfig(**self.config[stage]["loop"])
        run = TrainingRun(objective, self.work / stage, loop, self.accelerator, resume)
        return run.run(next_batch, time_budget_s, on_save)

    def _save(self, stage: str, model: nn.Module, name: str = "model") -> None:
        if self.accelerator.is_main_process:
            model.save_pretrained(self.work / stage / name)

    def _result(self, name: str) -> Path:
        """Return what an earlier stage left in the work folder.

        Args:
            name: Its place there, the stage's name first.

        Raises:
            InputError: It did not, or not to the end.
        """
        path = self.work / name
        if not path.exists():
            # Otherwise the libraries would take the path for a repository on the hub.
            raise InputError(f"there is no {name} yet: run the {name.partition('/')[0]} stage first")
        return path

    def _place(self) -> tuple[int, int]:
        """Return this process's number, and how many there are."""
        return self.accelerator.process_index, self.accelerator.num_processes

    def _train_shards(self) -> list[Path]:
        return sorted((self.data / "photos").glob("train-*.tar"))

    def _shards_folder(self) -> Path:
        """Return the folder that keeps what stands where in the shards."""
        return self.work / "shards"

    def _indices_folder(self) -> Path:
        return self.work / "indices"


def sharding_plugin(precision: str) -> FullyShardedDataParallelPlugin | None:
    """Return how processes share a model, where `accelerate launch` was told that they do so by FSDP; else None.

    Weights are gathered in the precision that is computed in, and gradients summed in single precision. Nothing else
    is cast but by autocast, as in a process that has the whole model: accelerate's own policy rounds what goes into
    the objective, the losses that come out, and the sums of gradients.

    Args:
        precision: As accelerate names it.

    Raises:
        InputError: It was told to use the first version of FSDP.
    """
    if not str_to_bool(os.environ.get("ACCELERATE_USE_FSDP", "false")):
        return None
    if os.environ.get("FSDP_VERSION") != "2":
        raise InputError("FSDP is used in its second version: write fsdp_version: 2 into the config file")
    policy = MixedPrecisionPolicy(
        param_dtype=DTYPES[precision], reduce_dtype=torch.float32, output_dtype=None, cast_forward_inputs=False
    )
    return FullyShardedDataParallelPlugin(mixed_precision_policy=policy)


def _method_name(stage: str) -> str:
    return stage.replace("-", "_")
