"""Push a trained model to the hub, with a card made from its manifest."""

from pathlib import Path
from typing import Any, NotRequired

from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, ModelCardData
from huggingface_hub.utils import DEFAULT_IGNORE_PATTERNS, filter_repo_objects
from typing_extensions import TypedDict

from percov2_demo.checkpoints.folders import BASE_REPOSITORIES
from percov2_demo.checkpoints.schema import MANIFEST_FILE, Trained, read_json
from percov2_demo.errors import HubError
from percov2_demo.hub.messages import check_name, remedies


CARD = "README.md"


class _Preset(TypedDict):
    grid_at_512: list[int]
    codebook: int


class _Base(TypedDict):
    model: str | None
    revision: str | None


class _Manifest(TypedDict):
    """What the card says."""

    identity: str
    presets: dict[str, _Preset]
    training: dict[str, Trained]
    photos: int
    base: NotRequired[_Base | None]


_STABILITY = {
    "license_name": "stabilityai-ai-community",
    "license_link": "https://huggingface.co/stabilityai/stable-diffusion-3-medium/blob/main/LICENSE.md",
}
"""The licence of Stable Diffusion 3 and 3.5, which what is made of them is under too."""


def push(folder: Path | None, repository: str, dry_run: bool = False) -> dict[str, Any]:
    """Upload an exported model in one commit, with a card made of its manifest where the folder has none.

    The card is not written into the folder: there it would be the next export's too.

    Args:
        folder: The model folder, with a `manifest.json`.
        repository: Repository on the hub, made if it is not there, as a private one.
        dry_run: Only say what would be uploaded.

    Returns:
        The repository, and its files with their sizes in bytes.

    Raises:
        HubError: There is no exported model, or the hub refuses it; in one sentence with the remedy.
    """
    check_name(repository, "a model")
    if folder is None or not (folder / MANIFEST_FILE).is_file():
        raise HubError("there is no exported model to push: run the export stage first")
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files: dict[str, Path | bytes] = {
        name: folder / name for name in filter_repo_objects(names, ignore_patterns=DEFAULT_IGNORE_PATTERNS)
    }
    if CARD not in files:
        files[CARD] = str(model_card(read_json(folder / MANIFEST_FILE, shape=_Manifest))).encode()
    if not dry_run:
        hub = HfApi()
        with remedies(repository, {}):
            hub.create_repo(repository, private=True, exist_ok=True)
            additions = [CommitOperationAdd(name, content) for name, content in files.items()]
            hub.create_commit(repository, additions, commit_message="Trained PerCoV2 model")
    sizes = {
        name: len(content) if isinstance(content, bytes) else content.stat().st_size for name, content in files.items()
    }
    return {"repository": repository, "files": dict(sorted(sizes.items()))}


def model_card(manifest: dict[str, Any]) -> ModelCard:
    """Write the card of an exported model.

    Args:
        manifest: Contents of its `manifest.json`.
    """
    base = manifest.get("base") or {"model": None, "revision": None}
    stability = (base["model"] or "").startswith(BASE_REPOSITORIES)
    data = ModelCardData(
        library_name="diffusers",
        pipeline_tag="image-to-image",
        base_model=base["model"],
        base_model_relation="adapter" if base["model"] else None,
        license="other",
        **(_STABILITY if stability else {}),
        tags=["image-compression", "percov2"],
    )
    presets = [
        f"| {name} | {'x'.join(map(str, preset['grid_at_512']))} | {preset['codebook']} |"
        for name, preset in manifest["presets"].items()
    ]
    stages = [
        f"| {name} | {state['step']:,} | {state['seconds'] / 3600:.1f} |"
        for name, state in manifest["training"].items()
    ]
    lines = [
        "# PerCoV2 (arXiv 2503.09368)",
        "",
        "Perceptual image compression, trained with the recipe of PerCoV2 Explorer. These are not the weights of the "
        "paper's authors. The decoder invents what the bits do not say: do not use it where a picture is evidence.",
        "",
        f"Identity `{manifest['identity']}`; streams carry its first two digits.",
        "",
        "| preset | grid at 512x512 | codebook |",
        "|---|---|---|",
        *presets,
        "",
        "| stage | steps | hours |",
        "|---|---|---|",
        *stages,
        "",
        f"Trained on {manifest['photos']:,} photos. Their licences and the base model's apply.",
    ]
    if base["model"]:
        lines += ["", f"Base model: {base['model']}, revision {base['revision'] or 'unknown'}."]
    if stability:
        lines += ["", f"Its licence: [Stability AI Community License]({_STABILITY['license_link']})."]
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n".join(lines) + "\n")
