"""Memory plans: named combinations of what saves memory, and what a model's weights take under each, by arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from percov2_demo.checkpoints.weights import Size
from percov2_demo.errors import InputError


GIGABYTE = 10**9

T5 = "text_encoder_3"

ENTROPY_MODELS = ("masked_model", "caption_model")
"""Parts that entropy-coded streams are read with."""

INTEGER_MODELS = (*ENTROPY_MODELS, "scale_model")
"""Parts that work on the CPU wherever the others do."""

SINGLE_PRECISION = ("vae", "hyper_codec", *INTEGER_MODELS, "captioner")
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
        """Describe the plan in words."""
        parts = ["16-bit" if self.half else "32-bit", f"T5 {self.t5}" if self.t5 != "8-bit" else "T5 in 8 bits"]
        parts += ["offload by stage"] if self.offload else []
        parts += ["tiled autoencoder"] if self.tiling else []
        parts += [f"captioner {self.captioner}"]
        return ", ".join(parts)

    def ignored_on(self, device: str) -> str | None:
        """Return what the plan asks for that a device does not have, in words; None if there is no such thing."""
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
    """Return the plan of a name.

    Raises:
        InputError: There is no plan of that name.
    """
    if name not in PLANS:
        raise InputError(f"there is no memory plan {name!r}: choose one of {', '.join(PLANS)}")
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


def estimate(sizes: Mapping[str, Size], plan: MemoryPlan, device: str = "cuda") -> Estimate:
    """Estimate what the weights of a model take under a plan.

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
    there = {name: count for name, count in taken.items() if name not in INTEGER_MODELS}
    if not plan.offload:
        return Estimate(sum(there.values()), total)
    # One large part at a time; of the small ones some stay, as the autoencoder does after a preview.
    small = sum(count for name, count in there.items() if name in SINGLE_PRECISION)
    largest = max((count for name, count in there.items() if name not in SINGLE_PRECISION), default=0)
    return Estimate(small + largest, total)


def gigabytes(count: int) -> str:
    """Format bytes in words, in powers of ten."""
    return f"{count / GIGABYTE:.2g} GB" if count < 10 * GIGABYTE else f"{count / GIGABYTE:.0f} GB"


def _bytes_per_float(name: str, plan: MemoryPlan) -> int:
    if name in SINGLE_PRECISION:
        return 4
    return 1 if name == T5 and plan.t5 == "8-bit" else plan.bytes_per_float
