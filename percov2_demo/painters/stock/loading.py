"""Stock painters by the name of a folder or of a repository on the hub."""

from importlib import import_module
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DiffusionPipeline

from percov2_demo.checkpoints.damage import damage_as_sentence
from percov2_demo.checkpoints.fetching import Progress, components
from percov2_demo.checkpoints.folders import find_folder, model_class
from percov2_demo.checkpoints.free_memory import check_memory
from percov2_demo.checkpoints.memory_plans import MemoryPlan
from percov2_demo.checkpoints.placement import load_t5, place, precisions
from percov2_demo.checkpoints.schema import MODEL_FILE, read_json
from percov2_demo.checkpoints.weights import Size, component_sizes
from percov2_demo.errors import ModelError
from percov2_demo.painters.known import DEFAULT_SIGMA, find_known
from percov2_demo.painters.painter import Card, Knob
from percov2_demo.painters.stock.model import StockModel
from percov2_demo.painters.stock.painter import MAX_STEPS, StockPainter


KINDS = {
    "StableDiffusionPipeline": ("diffusion", "StableDiffusion"),
    "StableDiffusionImg2ImgPipeline": ("diffusion", "StableDiffusion"),
    "LatentConsistencyModelPipeline": ("diffusion", "StableDiffusion"),
    "StableDiffusionXLPipeline": ("diffusion", "StableDiffusionXL"),
    "StableDiffusionXLImg2ImgPipeline": ("diffusion", "StableDiffusionXL"),
    "StableDiffusion3Pipeline": ("flow", "StableDiffusion3"),
    "ZImagePipeline": ("flow", "ZImage"),
    "FluxPipeline": ("flux", "Flux"),
    "Flux2KleinPipeline": ("flux", "Flux2Klein"),
    "SanaSprintPipeline": ("trigflow", "SanaSprint"),
}
"""Classes of pipelines that are known, with the module and the class that make a painter of each."""

_OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts that no painter uses."""


def load_stock_painter(
    model: str | Path,
    plan: MemoryPlan,
    device: torch.device,
    tiny_autoencoder: bool | str = False,
    progress: Progress | None = None,
) -> StockPainter:
    """Load a public text-to-image model as a painter.

    Args:
        model: Folder, or repository on the hub, of a pipeline of diffusers.
        plan: Memory plan.
        device: Where it works.
        tiny_autoencoder: Whether a small autoencoder takes the model's own one's place: the one that is known for its
            kind, or a folder or repository.
        progress: Told of the download.

    Raises:
        ModelError: There is no such model, it is of no known kind, it does not fit into memory, or its files are
            damaged; the message says what to do.
    """
    folder = find_folder(model, _OPTIONAL, progress)
    name = folder.resolve().name if Path(model).is_dir() else str(model)
    kind = _find_kind(folder, name)
    sizes = component_sizes(folder, _OPTIONAL)
    check_memory(sizes, plan, device)
    with damage_as_sentence(folder):
        pipeline = _load_pipeline(folder, kind, plan, device)
    if tiny_autoencoder:
        pipeline.vae = _load_tiny(kind, tiny_autoencoder)
    painter = kind(pipeline)
    place(pipeline, plan, device)
    pipeline.set_progress_bar_config(disable=True)
    return StockPainter(painter, _make_card(painter, name, sizes))


def _find_kind(folder: Path, name: str) -> type[StockModel]:
    if not (folder / MODEL_FILE).is_file():
        raise ModelError(f"there is no painter in {name}: a pipeline of diffusers has a {MODEL_FILE}")
    found = model_class(folder)
    if found not in KINDS:
        known = ", ".join(KINDS)
        raise ModelError(f"{name} holds {found}, which no painter here is made of: name a model of {known}")
    module, kind = KINDS[found]
    return getattr(import_module(f"percov2_demo.painters.stock.{module}"), kind)


def _load_pipeline(folder: Path, kind: type[StockModel], plan: MemoryPlan, device: torch.device) -> DiffusionPipeline:
    parts = components(read_json(folder / MODEL_FILE))
    dtypes = {name: dtype for name, dtype in precisions(plan, device).items() if name in ("default", *parts)}
    options = kind.load_options | load_t5(folder, plan, device)
    return DiffusionPipeline.from_pretrained(folder, dtype=dtypes, use_safetensors=True, **options)


def _load_tiny(kind: type[StockModel], choice: bool | str) -> AutoencoderTiny:
    source = choice if isinstance(choice, str) else kind.tiny_autoencoder
    if source is None:
        raise ModelError(f"no tiny autoencoder is known for {kind.words}: leave it out, or name one")
    folder = find_folder(source)
    with damage_as_sentence(folder):
        return AutoencoderTiny.from_pretrained(folder, use_safetensors=True)


def _make_card(model: StockModel, name: str, sizes: dict[str, Size]) -> Card:
    known = find_known(name)
    guidance, steps, sigma = model.guidance, model.steps, DEFAULT_SIGMA
    if known is not None:
        steps, sigma = known.steps, known.sigma
        if known.guidance is None or guidance is None:
            guidance = None
        else:
            guidance = Knob(known.guidance, guidance.minimum, guidance.maximum)
    elif "turbo" in name.lower():
        # Nothing in the files of such models tells that they were distilled to do without.
        guidance = None
    return Card(
        name=name,
        kind=model.words,
        licence=None if known is None else known.licence,
        parameters=sum(size.floats + size.integers for size in sizes.values()),
        steps=Knob(steps, 1, MAX_STEPS),
        guidance=guidance,
        sigma=Knob(sigma, 0.0, 1.0),
        holds=True,
        fast=False,
    )
