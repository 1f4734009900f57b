"""Store and load what training added to a public Stable Diffusion 3 checkpoint, without the checkpoint.

An adapter is a folder with the hyper-codec, the entropy models and a captioner where there are any, those tensors of
the flow transformer that differ from the base, and `adapter.json`, which names the base. Weights trained as LoRA are
merged before they are saved (PerCo (SD) found no gain in LoRA, and merged weights need neither another library nor
another way to load, and are the same in every precision); tensors that training left alone are not written.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self, cast

import torch
from diffusers import ConfigMixin, SD3Transformer2DModel
from huggingface_hub import save_torch_state_dict
from safetensors import safe_open
from torch import Tensor, nn
from transformers import VisionEncoderDecoderModel

from percov2_demo.checkpoints.damage import damage_as_sentence
from percov2_demo.checkpoints.fingerprint import fingerprint_stored
from percov2_demo.checkpoints.folders import AdapterFile, base_folder, commit_of
from percov2_demo.checkpoints.free_memory import check_memory
from percov2_demo.checkpoints.memory_plans import Estimate, MemoryPlan
from percov2_demo.checkpoints.schema import ADAPTER_FILE, check_shape, read_json
from percov2_demo.checkpoints.weights import component_sizes, tensor_files
from percov2_demo.entropy.caption_model import CaptionModel
from percov2_demo.entropy.masked_model import MaskedModel
from percov2_demo.errors import ModelError
from percov2_demo.files.atomic import write_text
from percov2_demo.models.hyper_codec import HyperCodec
from percov2_demo.models.widening import widen_input
from percov2_demo.presets import NOMINAL_SIDE, get_preset


FORMAT = 2
SHARD_SIZE = "2GB"
INPUT_WEIGHT = "pos_embed.proj.weight"

_OWN_PARTS = {
    "hyper_codec": HyperCodec,
    "masked_model": MaskedModel,
    "caption_model": CaptionModel,
    "captioner": VisionEncoderDecoderModel,
}
_BASE_PARTS = ("transformer", "vae")
"""Parts of the base whose values an adapter is bound to; T5, by far the largest, may be left out."""


@dataclass(frozen=True)
class Checkpoint:
    """A base on this machine.

    Args:
        name: As in `Base`.
        revision: As in `Base`.
        folder: Its files.
    """

    name: str
    revision: str | None
    folder: Path

    @classmethod
    def find(
        cls,
        name: str,
        revision: str | None = None,
        place: str | Path | None = None,
        plan: MemoryPlan | None = None,
        **download: Any,
    ) -> Self:
        """Find the checkpoint of a name or at a place, see `folders.base_folder`.

        Raises:
            ModelError: There is no such checkpoint.
        """
        folder = base_folder(name, revision, place, plan, **download)
        if place is not None:
            return cls(name, revision, folder)
        # Do not publish local paths.
        return cls(folder.resolve().name if Path(name).is_dir() else name, commit_of(folder), folder)

    def fingerprint(self) -> str:
        """Hash, by SHA-256, what an adapter needs of a base, as it is stored."""
        tensors = (
            (f"{part}.{name}", value) for part in _BASE_PARTS for name, value in stored_tensors(self.folder / part)
        )
        scale = ("shift_factor", "scaling_factor")
        config = read_json(self.folder / "vae" / "config.json", *scale)
        return fingerprint_stored(tensors, {name: config[name] for name in scale})

    def load(self, condition_channels: int, **kwargs: Any) -> dict[str, Any]:
        """Load the parts of the checkpoint by name, its transformer widened and otherwise as it was.

        Args:
            condition_channels: Input channels to add.
            **kwargs: For `StableDiffusion3Pipeline.from_pretrained`.
        """
        # The import brings image processors along, which no other model needs.
        from diffusers import StableDiffusion3Pipeline

        with damage_as_sentence(self.folder):
            base = StableDiffusion3Pipeline.from_pretrained(self.folder, **kwargs | {"use_safetensors": True})
        parts = base.components
        widen_input(parts["transformer"], condition_channels)
        return {name: part for name, part in parts.items() if name not in ("image_encoder", "feature_extractor")}


@dataclass(frozen=True)
class Base:
    """The checkpoint under an adapter.

    Args:
        name: Repository on the hub, or the last part of a folder's path.
        revision: The commit on the hub; None for a folder.
        fingerprint: SHA-256 over transformer and autoencoder as they are stored; in another precision they are others.
    """

    name: str
    revision: str | None
    fingerprint: str

    def __str__(self) -> str:
        return self.name if self.revision is None else f"{self.name} at revision {self.revision[:12]}"


@dataclass(frozen=True)
class Adapter:
    """The content of `adapter.json`.

    Args:
        base: What the adapter goes onto.
        identity: Fingerprint of adapter and base together, 64 hexadecimal digits.
        condition_channels: Input channels of the transformer beside the noisy latent.
        presets: For each preset of the hyper-codec its grid at 512x512, `[rows, columns]`, and its codebook's size.
        settings: Arguments of the pipeline that are no parts.
    """

    base: Base
    identity: str
    condition_channels: int
    presets: dict[str, dict[str, Any]]
    settings: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of an adapter's folder.

        Raises:
            ModelError: It is damaged, or written by another version.
        """
        content = read_json(folder / ADAPTER_FILE)
        if content.pop("format", None) != FORMAT:
            raise ModelError(
                f"the adapter's {ADAPTER_FILE} is of another format than this program reads: update the program, or "
                "export the adapter again"
            )
        check_shape(content, AdapterFile, ADAPTER_FILE)
        try:
            adapter = cls(**content | {"base": Base(**content["base"])})
            complete = "prediction_type" in adapter.settings
        except (KeyError, TypeError):
            complete = False
        if not complete:
            names = ", ".join(field.name for field in fields(cls))
            raise ModelError(f"the adapter's {ADAPTER_FILE} must hold {names}: fetch the adapter again")
        return adapter

    def write(self, folder: Path) -> None:
        """Write the manifest into the adapter's folder."""
        write_text(folder / ADAPTER_FILE, json.dumps({"format": FORMAT} | asdict(self), indent=2) + "\n")


class Adapted(NamedTuple):
    """An adapter put onto its base.

    Args:
        parts: The pipeline's parts by name.
        adapter: The manifest.
        checkpoint: The base.
        estimate: What the weights take.
    """

    parts: dict[str, Any]
    adapter: Adapter
    checkpoint: Checkpoint
    estimate: Estimate


def load_adapter(
    folder: Path,
    plan: MemoryPlan,
    device: torch.device,
    load_t5: Callable[[Path], dict[str, Any]],
    base: str | Path | None = None,
    download: Mapping[str, Any] = MappingProxyType({}),
    **kwargs: Any,
) -> Adapted:
    """Put an adapter onto its base.

    Args:
        folder: The adapter.
        plan: The memory plan.
        device: Where the model is to work.
        load_t5: Called with the base's folder; gives what replaces T5, as arguments of the base's `from_pretrained`.
        base: Folder or repository of the base, where it is not the one that the adapter names.
        download: `fetching.DOWNLOAD_OPTIONS` of the hub's download of the base, but for `revision`.
        **kwargs: For `from_pretrained` of the base; `dtype` is one precision, or those of parts by name.

    Raises:
        ModelError: A file is missing or damaged, adapter and base do not belong together, nobody trained the
            adapter, or it does not fit into memory.
    """
    adapter = Adapter.read(folder)
    checkpoint = Checkpoint.find(adapter.base.name, adapter.base.revision, base, plan, **download)
    own_sizes = {name: size for name, size in component_sizes(folder).items() if name in _OWN_PARTS}
    needed = check_memory(component_sizes(checkpoint.folder) | own_sizes, plan, device)
    if checkpoint.fingerprint() != adapter.base.fingerprint:
        raise ModelError(f"the adapter was made for {adapter.base}, and the base here has other weights: use that one")
    if _identity(folder, adapter) != adapter.identity:
        raise ModelError("the adapter's weights do not match its identity: fetch the adapter again")
    own = _load_own(folder, kwargs["dtype"])
    _check_manifest(adapter, own["hyper_codec"])
    parts = checkpoint.load(adapter.condition_channels, **kwargs | load_t5(checkpoint.folder))
    _put_on(parts["transformer"], stored_tensors(folder / "transformer"))
    return Adapted(parts | own, adapter, checkpoint, needed)


def save_adapter(
    folder: Path,
    checkpoint: Checkpoint,
    parts: Mapping[str, nn.Module | None],
    settings: Mapping[str, Any],
    max_shard_size: int | str = SHARD_SIZE,
) -> Adapter:
    """Write what differs from the base; the manifest comes last, so that an unfinished adapter is not taken for one.

    Args:
        folder: The folder to write; what an earlier adapter left there is replaced.
        checkpoint: The base.
        parts: The pipeline's parts by name; text encoders and autoencoder are the base's.
        settings: Arguments of the pipeline that are no parts.
        max_shard_size: Most bytes of a file, such as "2GB": an interrupted upload goes on with the next file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ADAPTER_FILE).unlink(missing_ok=True)
    for name in _OWN_PARTS:
        part = parts.get(name)
        if part is None:
            shutil.rmtree(folder / name, ignore_errors=True)
            continue
        if isinstance(part, ConfigMixin):
            # Do not publish local paths.
            part.register_to_config(_name_or_path="")
        part.save_pretrained(folder / name, max_shard_size=max_shard_size)
    changed = dict(_changed(parts["transformer"], stored_tensors(checkpoint.folder / "transformer")))
    (folder / "transformer").mkdir(exist_ok=True)
    pattern = "diffusion_pytorch_model{suffix}.safetensors"
    save_torch_state_dict(changed, folder / "transformer", filename_pattern=pattern, max_shard_size=max_shard_size)
    hyper_codec = cast(HyperCodec, parts["hyper_codec"])
    adapter = Adapter(
        base=Base(checkpoint.name, checkpoint.revision, checkpoint.fingerprint()),
        identity="",
        condition_channels=hyper_codec.condition_channels,
        presets=_describe_presets(hyper_codec),
        settings=dict(settings),
    )
    adapter = Adapter(**vars(adapter) | {"identity": _identity(folder, adapter)})
    adapter.write(folder)
    return adapter


def stored_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a component's files as they are stored, one at a time, sorted by name.

    Raises:
        ModelError: A file is missing or cannot be read.
    """
    files = tensor_files(folder)
    with ExitStack() as stack:
        handles = {path: stack.enter_context(safe_open(path, "pt")) for path in set(files.values())}
        for name, path in sorted(files.items()):
            yield name, handles[path].get_tensor(name)


def _identity(folder: Path, adapter: Adapter) -> str:
    """Hash what turns indices and caption into a picture: base, hyper-codec, changed weights, kind of output."""
    tensors = (
        (f"{part}.{name}", value)
        for part in ("hyper_codec", "transformer")
        for name, value in stored_tensors(folder / part)
    )
    settings = {"base": adapter.base.fingerprint, "prediction_type": adapter.settings["prediction_type"]}
    return fingerprint_stored(tensors, settings)


def _load_own(folder: Path, dtype: torch.dtype | Mapping[str, torch.dtype]) -> dict[str, nn.Module]:
    precisions = dtype if isinstance(dtype, Mapping) else {"default": dtype}
    default = precisions.get("default", torch.float32)
    return {
        name: kind.from_pretrained(folder, subfolder=name, dtype=precisions.get(name, default), use_safetensors=True)
        for name, kind in _OWN_PARTS.items()
        if (folder / name).is_dir()
    }


def _describe_presets(hyper_codec: HyperCodec) -> dict[str, dict[str, Any]]:
    described = {}
    for name in hyper_codec.config.presets:
        rows, columns = get_preset(name).grid(NOMINAL_SIDE, NOMINAL_SIDE)
        described[name] = {"grid_at_512": [rows, columns], "codebook": get_preset(name).codebook_size}
    return described


def _check_manifest(adapter: Adapter, hyper_codec: HyperCodec) -> None:
    loaded = _describe_presets(hyper_codec), hyper_codec.condition_channels
    if loaded != (adapter.presets, adapter.condition_channels):
        raise ModelError(
            f"the adapter's {ADAPTER_FILE} describes other presets than its hyper-codec has: fetch the adapter again"
        )


def _changed(transformer: SD3Transformer2DModel, base: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    state = transformer.state_dict()
    for name, stored in base:
        value = state[name].to("cpu")
        # Compared in the precision that training had, in which the base was loaded too.
        if value.shape != stored.shape or not torch.equal(value, stored.to(value.dtype)):
            yield name, value.contiguous()


@torch.no_grad()
def _put_on(transformer: SD3Transformer2DModel, changed: Iterable[tuple[str, Tensor]]) -> None:
    state = transformer.state_dict()
    for name, value in changed:
        if name not in state or state[name].shape != value.shape:
            raise ModelError(f"the adapter's {name} does not fit the base's transformer: fetch the adapter again")
        state[name].copy_(value)
    if not state[INPUT_WEIGHT][:, transformer.config.out_channels :].any():
        raise ModelError(
            "nobody trained this adapter: its zero-initialised inputs ignore the indices, so that the pictures would "
            "be the base's, not the photo's; train it first"
        )
