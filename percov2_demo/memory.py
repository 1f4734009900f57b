"""How much memory a model may take: named combinations of what saves some, and what each takes by arithmetic."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from percov2_demo.checkpoints.weights import Size
from percov2_demo.errors import ModelError


if TYPE_CHECKING:
    import torch
    from diffusers import DiffusionPipeline, ModelMixin

GIGABYTE = 10**9

T5 = "text_encoder_3"
ENTROPY_MODELS = ("masked_model", "caption_model")
"""Parts that work on the CPU wherever the others do."""

SINGLE_PRECISION = ("vae", "hyper_codec", *ENTROPY_MODELS, "captioner")
"""Small parts that stay in single precision whatever the plan, so that a photo with its caption has one stream."""


@dataclass(frozen=True)
class MemoryPlan:
    """A combination of what saves memory.

    Args:
        name: What it is called on the command line: the graphics memory that SD3-medium is meant to fit in.
        half: The large parts are in half precision: bfloat16, or float16 where the device computes no bfloat16.
        t5: What becomes of T5, which holds most of SD3's parameters and acts on the caption alone.
        offload: Each part is on the device only while it works (diffusers' model CPU offload).
        tiling: The autoencoder decodes large pictures in tiles, and several pictures one after the other.
        captioner: What becomes of a captioner with weights of its own once the flow transformer works.
    """

    name: str
    half: bool
    t5: Literal["kept", "8-bit", "dropped"]
    offload: bool
    tiling: bool
    captioner: Literal["kept", "released", "on the CPU"]

    @property
    def bytes_per_float(self) -> int:
        """Bytes of a real number in the large parts."""
        return 2 if self.half else 4

    def describe(self) -> str:
        """The plan in words."""
        parts = ["16-bit" if self.half else "32-bit", f"T5 {self.t5}" if self.t5 != "8-bit" else "T5 in 8 bits"]
        parts += ["offload by stage"] if self.offload else []
        parts += ["tiled autoencoder"] if self.tiling else []
        parts += [f"captioner {self.captioner}"]
        return ", ".join(parts)

    def ignored_on(self, device: str) -> str | None:
        """What the plan asks for that a device does not have, in words; None if there is no such thing."""
        if self.offload and device == "cpu":
            return "on the CPU there is no other device to offload to, so all parts stay in main memory"
        return None


PLANS = {
    plan.name: plan
    for plan in (
        MemoryPlan("8gb", half=True, t5="dropped", offload=True, tiling=True, captioner="on the CPU"),
        MemoryPlan("12gb", half=True, t5="8-bit", offload=True, tiling=True, captioner="released"),
        MemoryPlan("24gb", half=True, t5="kept", offload=True, tiling=True, captioner="released"),
        MemoryPlan("32gb", half=True, t5="kept", offload=False, tiling=True, captioner="released"),
        MemoryPlan("max", half=False, t5="kept", offload=False, tiling=False, captioner="kept"),
    )
}
"""Plans by name, in rising need of graphics memory."""


def get_plan(name: str) -> MemoryPlan:
    """The plan of a name.

    Raises:
        ValueError: There is none.
    """
    if name not in PLANS:
        raise ValueError(f"there is no memory plan {name!r}: choose one of {', '.join(PLANS)}")
    return PLANS[name]


@dataclass(frozen=True)
class Estimate:
    """Bytes of weights, by arithmetic: numbers times bytes of each. What computing takes comes on top.

    Args:
        device: Most that is on the device at once.
        main: Main memory; on the CPU, which is both, the same as `device`.
    """

    device: int
    main: int


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
        """Names and values to show."""
        taken = gigabytes(self.estimate.device)
        if self.device != "cpu":
            taken += f" on the device, {gigabytes(self.estimate.main)} in main memory"
        facts = [("Memory plan", f"{self.plan.name}: {self.plan.describe()}"), ("Weights, estimated", taken)]
        ignored = self.plan.ignored_on(self.device)
        return facts if ignored is None else [*facts, ("Ignored here", ignored)]


def estimate(sizes: Mapping[str, Size], plan: MemoryPlan, device: str = "cuda") -> Estimate:
    """What the weights of a model take under a plan.

    Args:
        sizes: The components' sizes by name, as `weights.component_sizes` reads them from the files' headers.
        plan: The plan.
        device: Kind of the device.
    """
    taken = {name: size.bytes(_bytes_per_float(name, plan)) for name, size in sizes.items()}
    if plan.t5 == "dropped":
        taken.pop(T5, None)
    total = sum(taken.values())
    if device == "cpu":
        return Estimate(total, total)
    there = {name: count for name, count in taken.items() if name not in ENTROPY_MODELS}
    if not plan.offload:
        return Estimate(sum(there.values()), total)
    # One large part at a time; of the small ones some stay, as the autoencoder does after a preview.
    small = sum(count for name, count in there.items() if name in SINGLE_PRECISION)
    largest = max((count for name, count in there.items() if name not in SINGLE_PRECISION), default=0)
    return Estimate(small + largest, total)


def check_memory(sizes: Mapping[str, Size], plan: MemoryPlan, device: "torch.device") -> Estimate:
    """What the weights take; refuses to load what does not fit.

    Args:
        sizes: As for `estimate`.
        plan: The plan.
        device: Where the model is to work.

    Raises:
        ModelError: The weights alone take more memory than is free.
    """
    free_main = free_memory()
    free_device = free_on(device)

    def fits(candidate: MemoryPlan) -> bool:
        needed = estimate(sizes, candidate, device.type)
        return needed.device <= free_device and needed.main <= free_main

    needed = estimate(sizes, plan, device.type)
    if fits(plan):
        return needed
    if needed.device > free_device:
        where = "graphics memory" if device.type == "cuda" else "main memory"
        short, free = needed.device, free_device
    else:
        where, short, free = "main memory", needed.main, free_main
    smaller = next((name for name, candidate in reversed(PLANS.items()) if fits(candidate)), None)
    remedy = f"choose --memory {smaller}" if smaller else "close other programs, or use a larger machine"
    raise ModelError(
        f"the model's weights take about {gigabytes(short)} of {where} under the memory plan {plan.name}, "
        f"and {gigabytes(free)} are free: {remedy}"
    )


def gigabytes(count: int) -> str:
    """Bytes in words, in powers of ten."""
    return f"{count / GIGABYTE:.2g} GB" if count < 10 * GIGABYTE else f"{count / GIGABYTE:.0f} GB"


def free_memory(control_group: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of main memory that this process may still take: the machine's, or those of its container.

    Args:
        control_group: Folder with the limits of the process's control group, version 2.
    """
    import psutil

    free = psutil.virtual_memory().available
    try:
        limit = (control_group / "memory.max").read_text().strip()
        used = int((control_group / "memory.current").read_text())
        cached = dict(line.split() for line in (control_group / "memory.stat").read_text().splitlines())
    except OSError:
        return free
    if limit == "max":
        return free
    # Pages of files that were read count as used, but make room.
    return min(free, int(limit) - used + int(cached.get("inactive_file", 0)))


def free_on(device: "torch.device") -> int:
    """Bytes that are free on a device; main memory's on those that have none of their own, as all but CUDA's."""
    import torch

    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()


def find_device(name: str) -> "torch.device":
    """The device of a name, such as torch takes.

    Raises:
        ValueError: This machine has no such device.
    """
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(_unusable(name, "torch has none of that name")) from error
    try:
        # The device "meta" takes everything, but nothing comes back.
        torch.zeros(1, device=device).cpu()
    except (AssertionError, ImportError, NotImplementedError, RuntimeError) as error:
        # What follows torch's first sentence is for its own developers.
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(" .;!")
        raise ValueError(_unusable(name, reason)) from error
    return device


def precisions(plan: MemoryPlan, device: "torch.device") -> dict[str, "torch.dtype"]:
    """The precision of each part, as `DiffusionPipeline.from_pretrained` takes it."""
    import torch

    if not plan.half:
        large = torch.float32
    elif device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        large = torch.float16
    else:
        large = torch.bfloat16
    return {"default": large} | dict.fromkeys(SINGLE_PRECISION, torch.float32)


def load_t5(folder: Path, plan: MemoryPlan, device: "torch.device") -> dict[str, Any]:
    """What replaces T5 under a plan, as arguments of `DiffusionPipeline.from_pretrained`; nothing where it is kept.

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
            "choose --memory 8gb, which leaves T5 out"
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
    """Brings a loaded pipeline to a device, or readies it to go there part by part."""
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
    """While it lasts, the autoencoder works in tiles on large pictures, where it can, whatever the plan."""
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
    return (
        f"the device {device} cannot be used ({reason}): leave --device out to work on the CPU, or install a build of "
        "torch for it"
    )


def _bytes_per_float(name: str, plan: MemoryPlan) -> int:
    if name in SINGLE_PRECISION:
        return 4
    return 1 if name == T5 and plan.t5 == "8-bit" else plan.bytes_per_float
