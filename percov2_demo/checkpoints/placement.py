"""Place a model: device, precision, T5, offload by stage and tiles, as its memory plan says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from percov2_demo.checkpoints.memory_plans import SINGLE_PRECISION, T5, Estimate, MemoryPlan, gigabytes
from percov2_demo.errors import InputError, ModelError


if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline, ModelMixin


@dataclass(frozen=True)
class Placement:
    """How a loaded model is placed.

    Args:
        plan: The plan it was loaded with.
        device: Kind of the device.
        estimate: What its weights take.
    """

    plan: MemoryPlan
    device: str
    estimate: Estimate

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values to show."""
        taken = gigabytes(self.estimate.device)
        if self.device != "cpu":
            taken += f" on the device, {gigabytes(self.estimate.main)} in main memory"
        facts = [("Memory plan", f"{self.plan.name}: {self.plan.describe()}"), ("Weights, estimated", taken)]
        ignored = self.plan.ignored_on(self.device)
        return facts if ignored is None else [*facts, ("Ignored here", ignored)]


def find_device(name: str) -> "torch.device":
    """Return the device of a name, such as torch takes.

    Raises:
        InputError: This machine has no such device.
    """
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(_unusable(name, "torch has none of that name")) from error
    try:
        # The device "meta" accepts everything, but computes nothing.
        torch.zeros(1, device=device).cpu()
    except (AssertionError, ImportError, NotImplementedError, RuntimeError) as error:
        # The rest of torch's message is for its own developers.
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(" .;!")
        raise InputError(_unusable(name, reason)) from error
    return device


def precisions(plan: MemoryPlan, device: "torch.device") -> dict[str, "torch.dtype"]:
    """Return the precision of each part, as `DiffusionPipeline.from_pretrained` takes it."""
    import torch

    if not plan.half:
        large = torch.float32
    elif device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        large = torch.float16
    else:
        large = torch.bfloat16
    return {"default": large} | dict.fromkeys(SINGLE_PRECISION, torch.float32)


def load_t5(folder: Path, plan: MemoryPlan, device: "torch.device") -> dict[str, Any]:
    """Return what replaces T5 under a plan, as arguments of `from_pretrained`; nothing if it is kept.

    Args:
        folder: The model's folder.
        plan: The plan.
        device: Where T5 is to work.

    Raises:
        ModelError: T5 is to be in 8 bits, and torchao is not installed.
    """
    if plan.t5 == "kept" or not (folder / T5).is_dir():
        return {}
    if plan.t5 == "dropped":
        return {T5: None, "tokenizer_3": None}
    if not find_spec("torchao"):
        raise ModelError(
            f"the memory plan {plan.name} holds T5 in 8 bits, which takes torchao: run `pip install torchao`, or "
            "choose the plan 8gb, which leaves T5 out"
        )
    from torchao.quantization import Int8WeightOnlyConfig
    from transformers import T5EncoderModel, TorchAoConfig

    precision = precisions(plan, device)["default"]
    model = T5EncoderModel.from_pretrained(
        folder,
        subfolder=T5,
        quantization_config=TorchAoConfig(Int8WeightOnlyConfig()),
        dtype=precision,
        use_safetensors=True,
    )
    return {T5: model}


def place(pipeline: "DiffusionPipeline", plan: MemoryPlan, device: "torch.device") -> None:
    """Bring a loaded pipeline to a device, or ready it to go there part by part."""
    from diffusers.models.autoencoders.vae import AutoencoderMixin

    if plan.tiling and isinstance(pipeline.vae, AutoencoderMixin):
        pipeline.vae.enable_tiling()
        pipeline.vae.enable_slicing()
    if plan.offload and device.type != "cpu":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


@contextmanager
def tiled(vae: "ModelMixin") -> Iterator[None]:
    """Let the autoencoder work in tiles on large pictures within this context, where it can, whatever the plan."""
    from diffusers.models.autoencoders.vae import AutoencoderMixin

    if not isinstance(vae, AutoencoderMixin) or vae.use_tiling:
        yield
        return
    vae.enable_tiling()
    try:
        yield
    finally:
        vae.disable_tiling()


def _unusable(device: str, reason: str) -> str:
    return f"the device {device} cannot be used ({reason}): work on the CPU, or install a build of torch for it"
