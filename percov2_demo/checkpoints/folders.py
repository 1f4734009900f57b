"""Find models: the embedded one, a folder, a repository on the hub."""

from collections.abc import Sequence
from csv import DictReader
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import TypedDict

from percov2_demo.assets import ASSETS
from percov2_demo.checkpoints.memory_plans import GIGABYTE, PLANS, T5, MemoryPlan, estimate
from percov2_demo.checkpoints.schema import ADAPTER_FILE, MANIFEST_FILE, MODEL_FILE, Trained, read_json
from percov2_demo.checkpoints.weights import component_sizes
from percov2_demo.errors import ModelError
from percov2_demo.sampling.settings import OWN


if TYPE_CHECKING:
    from percov2_demo.checkpoints.fetching import Progress

EMBEDDED_MODEL = ASSETS / "model"

SOURCES = ASSETS / "sources.json"

CAPTIONER_RESULTS = ASSETS / "results" / "training" / "captioner.json"

EDITS_RESULTS = ASSETS / "results" / "training" / "edits.csv"

KODAK_RESULTS = ASSETS / "results" / "kodak" / "summary.json"

BASE_CLASS = "StableDiffusion3Pipeline"
BASE_REPOSITORIES = "stabilityai/stable-diffusion-3"
"""How the hub's names of Stable Diffusion 3 and 3.5 begin."""

PERCOV2 = "PerCoV2Pipeline"
PIPELINES = (PERCOV2, "PerCoPipeline")
"""Names of the pipelines' classes, as model folders state them; `pipelines.auto` knows where they are."""
PUBLISHED_PERCO = "StableDiffusionPipelinePerco"
"""The class that PerCo (SD)'s own repository names in its checkpoints."""


class _Settings(TypedDict, total=False):
    identity: str | None
    description: str | None
    prediction_type: str | None
    default_strength: dict[str, float] | None
    default_guidance: float
    default_entropy: dict[str, str] | None


class _Index(_Settings, total=False):
    _class_name: str | None


class _Base(TypedDict):
    name: str
    revision: str | None


class AdapterFile(TypedDict):
    """What is read here of an adapter's file."""

    base: _Base
    identity: str
    settings: _Settings


class _Manifest(TypedDict):
    """Those of the fields that are read here or shown on the page."""

    identity: str
    parameters: dict[str, int]
    training: dict[str, Trained]
    photos: int
    sources: dict[str, int]
    date: str


class _CaptionerResults(TypedDict):
    photos: int
    content_overlap: float


def pipeline_class(folder: Path) -> str:
    """Name of the pipeline's class, one of `PIPELINES`, that a folder's model or adapter is for.

    Raises:
        ModelError: It is for none of them.
    """
    if (folder / ADAPTER_FILE).is_file():
        return PERCOV2
    kind, name = model_class(folder), folder.resolve().name
    if kind == BASE_CLASS:
        raise base_alone(name)
    if kind == PUBLISHED_PERCO:
        raise ModelError(
            f"{name} is a PerCo (SD) checkpoint as published: convert it first with "
            "python -m percov2_demo convert-perco"
        )
    if kind not in PIPELINES:
        raise ModelError(f"{name} holds {kind}, which this program does not run")
    return kind


def base_alone(name: str) -> ModelError:
    """Return the error that says why a base is no model by itself."""
    return ModelError(
        f"{name} is a base without an adapter: zero-initialised inputs ignore the indices, so that its pictures would "
        "not be the photo's; name an adapter that was trained for it"
    )


def find_folder(
    model: str | Path, leave_out: Sequence[str] = (), progress: "Progress | None" = None, **download: Any
) -> Path:
    """Return a folder, or that of a hub repository, downloaded where the cache lacks it; see `fetching.fetch`.

    Raises:
        ModelError: There is neither, or a config in it is damaged.
    """
    if not str(model).strip():
        raise ModelError("a model has an empty name: give its folder, or its repository on the hub")
    folder = Path(model)
    if not folder.is_dir():
        # The hub's library takes half of the time in which `info` describes a model that is here.
        from percov2_demo.checkpoints.fetching import fetch

        folder = fetch(str(model), leave_out, progress, **download)
    # The libraries that read them name the folder's place in their complaints.
    for config in (*folder.glob("*config.json"), *folder.glob("*/*config.json")):
        read_json(config, name=config.relative_to(folder).as_posix())
    return folder


def model_folder(model: str | Path | None, **download: Any) -> Path:
    """Return the folder of a model or adapter, downloaded where it is a repository that the cache lacks.

    Args:
        model: Folder, or repository on the hub; None for the embedded model.
        **download: `fetching.DOWNLOAD_OPTIONS` of the hub's download.

    Raises:
        ModelError: There is no such model.
    """
    folder = find_folder(model or EMBEDDED_MODEL, **download)
    if not any((folder / name).is_file() for name in (MODEL_FILE, ADAPTER_FILE)):
        raise ModelError(
            f"there is no model in {folder.resolve().name}: a model folder holds a {MODEL_FILE}, an adapter's an "
            f"{ADAPTER_FILE}"
        )
    return folder


def base_folder(
    name: str,
    revision: str | None = None,
    place: str | Path | None = None,
    plan: MemoryPlan | None = None,
    **download: Any,
) -> Path:
    """Return the folder of the Stable Diffusion 3 checkpoint that an adapter goes onto.

    Args:
        name: Repository on the hub; or the name of a folder, whose place then must be told.
        revision: Commit, branch or tag on the hub; None for the main branch.
        place: Folder or repository to take in place of `name`.
        plan: Memory plan; where it drops T5, T5 is not downloaded.
        **download: As for `model_folder`.

    Raises:
        ModelError: There is no such checkpoint.
    """
    if place is None and "/" not in name and not Path(name).is_dir():
        raise ModelError(f"the adapter goes onto a folder that was called {name!r}: say where it is, as the base")
    leave_out = (T5, "tokenizer_3") if plan is not None and plan.t5 == "dropped" else ()
    folder = find_folder(place or name, leave_out, revision=None if place else revision, **download)
    kind = model_class(folder)
    if kind != BASE_CLASS:
        raise ModelError(f"{folder.resolve().name} is no base for an adapter: it holds {kind}, not a {BASE_CLASS}")
    return folder


def describe_model(model: str | Path | None, place: str | Path | None = None) -> dict[str, Any]:
    """Describe a model and what its weights take under each memory plan, without loading them.

    Args:
        model: As for `model_folder`.
        place: An adapter's base, as for `base_folder`; nothing of it is downloaded.

    Raises:
        ModelError: There is no such model, or a file of it is missing or damaged.
    """
    folder = model_folder(model)
    adapter = (folder / ADAPTER_FILE).is_file()
    if adapter:
        content = read_json(folder / ADAPTER_FILE, shape=AdapterFile)
        base = content["base"]
        base_at = base_folder(base["name"], base["revision"], place, local_files_only=True)
        sizes = component_sizes(base_at) | {
            name: size for name, size in component_sizes(folder).items() if name != "transformer"
        }
        described = {"base": base["name"], "revision": base["revision"]} | content["settings"]
    else:
        content = read_json(folder / MODEL_FILE, shape=_Index)
        sizes = component_sizes(folder)
        described = {name: content[name] for name in ("description", "prediction_type") if name in content}
    estimates = {name: estimate(sizes, plan) for name, plan in PLANS.items()}
    return {
        "identity": content.get("identity"),
        **described,
        "parameters": {name: size.floats + size.integers for name, size in sizes.items()},
        "estimated_gigabytes": {
            name: {"plan": PLANS[name].describe()}
            | {place: round(count / GIGABYTE, 2) for place, count in asdict(needed).items()}
            for name, needed in estimates.items()
        },
    }


def model_class(folder: Path) -> str:
    """Return the pipeline's class that a folder's model is of; "no model" where there is none."""
    path = folder / MODEL_FILE
    if not path.is_file():
        return "no model"
    return read_json(path, shape=_Index).get("_class_name") or "a model of no class"


def commit_of(folder: Path) -> str | None:
    """Return the commit on the hub that a folder of its cache holds; None for any other folder."""
    return folder.name if folder.parent.name == "snapshots" else None


def read_manifest(folder: str | Path | None, identity: str) -> dict[str, Any] | None:
    """Read what training recorded of a model; None where there is nothing, or it is of other weights.

    Args:
        folder: The model's folder; None for a model that is from none.
        identity: The model's fingerprint.

    Raises:
        ModelError: The manifest is damaged.
    """
    path = Path(folder or "") / MANIFEST_FILE
    if folder is None or not path.is_file():
        return None
    manifest = read_json(path, shape=_Manifest)
    return manifest if manifest["identity"] == identity else None


def captioner_results(folder: str | Path | None) -> dict[str, Any] | None:
    """Read what was measured of the embedded model's captioner on the validation photos; None of other models.

    Args:
        folder: The model's folder; None for a model that is from none.

    Returns:
        Among others "photos", their number, and "content_overlap", the share of them whose caption shares a content
        word with one that people wrote.
    """
    if not _is_embedded(folder) or not CAPTIONER_RESULTS.is_file():
        return None
    return read_json(CAPTIONER_RESULTS, shape=_CaptionerResults)


def typical_sizes(folder: str | Path | None) -> dict[str, float]:
    """Read the mean bytes of the embedded model's files of Kodak at 512x512, by preset; empty for other models.

    Args:
        folder: The model's folder; None for a model that is from none.
    """
    if not _is_embedded(folder) or not KODAK_RESULTS.is_file():
        return {}
    sizes: dict[str, float] = {}
    for point in read_json(KODAK_RESULTS)["points"]:
        sizes.setdefault(point["preset"], point["file_bytes"])
    return sizes


class FollowedEdits(NamedTuple):
    """On how many pictures captions changed what they name.

    Args:
        edits: Number of edits that captions named.
        pictures: Number of pictures.
        fewest: Pictures on which the edit that is followed least changed what it should, at the preset where it is.
    """

    edits: int
    pictures: int
    fewest: int


def followed_edits(folder: str | Path | None, guidance: float) -> FollowedEdits | None:
    """Read how well the embedded model's painter follows captions that name an edit; None for other models.

    Args:
        folder: The model's folder; None for a model that is from none.
        guidance: The model's guidance scale.
    """
    if not _is_embedded(folder) or not EDITS_RESULTS.is_file():
        return None
    with EDITS_RESULTS.open(newline="", encoding="utf-8") as file:
        rows = [row for row in DictReader(file) if row["painter"] == OWN and float(row["guidance"]) == guidance]
    return FollowedEdits(
        edits=len({row["edit"] for row in rows}),
        pictures=min(int(row["pictures"]) for row in rows),
        fewest=min(int(row["right_way"]) for row in rows),
    )


def _is_embedded(folder: str | Path | None) -> bool:
    return folder is not None and Path(folder).resolve() == EMBEDDED_MODEL.resolve()


def source_licences() -> dict[str, str]:
    """Read licences of collections of photos by the collection's name, as their repositories state them."""
    return read_json(SOURCES, shape=dict[str, str])
