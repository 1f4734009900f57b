"""A target instead of a preset: the file of so many bytes, or of such a quality.

Which preset is refined at which size was measured over validation photos by `tools.measure_refinement`, which writes
`target.json`: for each preset, the bits per pixel of a file from which its refinement is nearer to the picture than
that of the presets below.
"""

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from PIL import Image
from torch import Tensor

from percov2_demo.bitstream import Bitstream, Refinement
from percov2_demo.bitstream.header import FIXED_BYTES
from percov2_demo.errors import InputError
from percov2_demo.images import fit_image, load_image, normalize
from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.pipelines.codec import Codec
from percov2_demo.refinement import Allocation, max_atoms, refinement_bytes


MEASURED = Path(__file__).with_name("target.json")

_FEWEST_ATOMS = 16
"""Fewer are not worth the bytes that say that a file is refined."""

_PRECISION = 1.02
"""How near the search for a quality comes to the fewest bytes."""


class AnyRate:
    """One picture in files of any size; nothing is encoded twice.

    Args:
        pipeline: The codec.
        image: The picture, or a path to one.
        caption: Text that is sent along; empty for none.
        fit: How the picture is brought to sides that are multiples of 64, see `images.fit_image`.
        interrupt: Asked before each coded step; True stops the encoder.

    Raises:
        ImageError: The picture cannot be used.
        InputError: The fit is unknown.
    """

    def __init__(
        self,
        pipeline: Codec,
        image: Image.Image | str | Path,
        caption: str = "",
        fit: str = "native",
        interrupt: Callable[[], bool] | None = None,
    ):
        image = normalize(image) if isinstance(image, Image.Image) else load_image(image)
        self.image = fit_image(image, fit, max_side=pipeline.max_side)
        self._pipeline, self._caption, self._interrupt = pipeline, caption, interrupt
        self._bases: dict[str, Bitstream] = {}

    def base(self, preset: str) -> Bitstream:
        """Return the stream of a preset without refinement."""
        if preset not in self._bases:
            self._bases[preset] = self._pipeline.compress(self.image, preset, self._caption)
        return self._bases[preset]

    def at_most(self, max_bytes: int, preset: str | None = None) -> Bitstream:
        """Return the stream whose file comes closest to a size from below, or a smaller one that is as near.

        Args:
            max_bytes: The size.
            preset: Name of the preset to refine; None for the one that measured best.

        Raises:
            InputError: No file of this picture is as small.
            Interrupted: `interrupt` returned True.
        """
        return self.code(max_bytes, preset)[0]

    def to_reach(self, decibels: float) -> Bitstream:
        """Return the smallest stream, up to 2 %, whose picture has a PSNR.

        Args:
            decibels: The PSNR.

        Raises:
            InputError: The largest file does not reach it.
            Interrupted: `interrupt` returned True.
        """
        low = len(self.base(self._pipeline.presets[0]).to_bytes())
        best, reached = self._measure(low)
        if reached >= decibels:
            return best
        high = self.max_bytes
        best, highest = self._measure(high)
        if highest < decibels:
            raise InputError(
                f"the largest file of this picture, of {high} bytes, reaches {highest:.2f} dB: ask for no more"
            )
        lowest = reached
        while high > _PRECISION * low:
            # PSNR is nearly a line over the logarithm of the bytes; the middle is never far from it.
            share = min(max((decibels - lowest) / max(highest - lowest, 1e-6), 0.1), 0.9)
            middle = min(max(round(low * (high / low) ** share), low + 1), high - 1)
            if middle in (low, high):
                break
            stream, reached = self._measure(middle)
            if reached >= decibels:
                best, high, highest = stream, middle, reached
            else:
                low, lowest = middle, reached
        return best

    @cached_property
    def max_bytes(self) -> int:
        """Bytes of the largest file of this picture."""
        base = self.base(_measured_presets(self._pipeline.presets)[-1])
        return _refined_bytes(base, self._allocation(self._pipeline.max_atoms(base)))

    def plan(self, max_bytes: int, preset: str | None = None) -> tuple[Bitstream, int]:
        """Return the stream to refine for a size, and the atoms to spend; 0 for the stream as it is.

        Args:
            max_bytes: As in `at_most`.
            preset: As in `at_most`.

        Raises:
            InputError: As in `at_most`.
        """
        base = self._base_for(max_bytes) if preset is None else self.base(preset)
        size = len(base.to_bytes())
        if size > max_bytes:
            raise InputError(f"the smallest file of this picture takes {size} bytes: ask for at least as many")
        budgets = range(_FEWEST_ATOMS, self._pipeline.max_atoms(base) + 1)
        fitting = bisect_right(budgets, max_bytes, key=lambda atoms: _refined_bytes(base, self._allocation(atoms)))
        return base, budgets[fitting - 1] if fitting else 0

    def code(self, max_bytes: int, preset: str | None = None) -> tuple[Bitstream, Image.Image]:
        """Return the stream of `at_most` and the picture that a receiver makes of it, without decoding it again.

        A few atoms can lead a painter away from an estimate that is near the picture. Such bytes are not spent.
        """
        base, atoms = self.plan(max_bytes, preset)
        if not atoms:
            return base, self._pipeline.decompress(base)
        (_, first), *_, (stream, last) = self._pipeline.refinements(base, self._target, atoms, self._interrupt)
        plain, refined = (self._pipeline.decode_latents(latents)[0] for latents in (first, last))
        if self._psnr(refined) > self._psnr(plain):
            return stream, refined
        return base, self._pipeline.decompress(base)

    def code_without_base(self, max_bytes: int) -> tuple[int, Image.Image]:
        """Return the bytes and the picture of a file that has nothing but a head and refinement blocks.

        Such files are for comparison: the painter starts from pure noise, told nothing, as in DiffC and DDCM.

        Args:
            max_bytes: The size, head included.

        Raises:
            InputError: No file is as small.
        """
        budgets = range(1, max_atoms(self._target.numel()) + 1)

        def size(atoms: int) -> int:
            allocation = self._allocation(atoms)
            fields = Refinement(atoms, b"").fields(0)
            return FIXED_BYTES + len(fields) + refinement_bytes(allocation)

        fitting = bisect_right(budgets, max_bytes, key=size)
        if not fitting:
            raise InputError(f"the smallest file without a base takes {size(1)} bytes: ask for at least as many")
        atoms = budgets[fitting - 1]
        *_, latents = self._pipeline.refine_without_base(self._target, atoms, self._interrupt)
        return size(atoms), self._pipeline.decode_latents(latents)[0]

    def _measure(self, max_bytes: int) -> tuple[Bitstream, float]:
        stream, picture = self.code(max_bytes)
        return stream, self._psnr(picture)

    def _psnr(self, picture: Image.Image) -> float:
        return psnr(to_tensor(self.image), to_tensor(picture))

    def _base_for(self, max_bytes: int) -> Bitstream:
        presets = _measured_presets(self._pipeline.presets)
        bpp = 8 * max_bytes / (self.image.width * self.image.height)
        worth = [name for name in presets if _thresholds()[name] <= bpp] or presets[:1]
        for preset in reversed(worth):
            base = self.base(preset)
            if len(base.to_bytes()) <= max_bytes:
                break
        return base

    @cached_property
    def _target(self) -> Tensor:
        return self._pipeline.encode_latents(self.image).float()

    def _allocation(self, atoms: int) -> Allocation:
        return Allocation(self._target.numel(), atoms)


def _refined_bytes(base: Bitstream, allocation: Allocation) -> int:
    refinement = Refinement(allocation.atoms, bytes(refinement_bytes(allocation)))
    return len(replace(base, refinement=refinement).to_bytes())


@cache
def _thresholds() -> dict[str, float]:
    """Bits per pixel from which each preset is refined."""
    return json.loads(MEASURED.read_text("utf-8"))["bpp"]


def _measured_presets(names: Sequence[str]) -> list[str]:
    """Return the presets that were measured, in rising rate; the lowest where none was."""
    return [name for name in names if name in _thresholds()] or list(names[:1])
