"""A trained model to the hub, with a card that says what it is by its own manifest."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError, HFValidationError


def push(folder: Path | None, repository: str, dry_run: bool = False) -> dict[str, Any]:
    """Uploads an exported model; one without a card is given one.

    Args:
        folder: The model folder, with a `manifest.json`.
        repository: Repository on the hub, made if it is not there, as a private one.
        dry_run: Only say what would be uploaded.

    Returns:
        The repository, and its files with their sizes in bytes.

    Raises:
        ValueError: There is no exported model, or the hub refuses it.
    """
    if folder is None or not (folder / "manifest.json").is_file():
        raise ValueError("there is no exported model to push: run the export stage, with --out")
    card = folder / "README.md"
    if not card.exists():
        model_card(json.loads((folder / "manifest.json").read_text())).save(card)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = {
        "repository": repository,
        "files": {str(path.relative_to(folder)): path.stat().st_size for path in paths},
    }
    if not dry_run:
        hub = HfApi()
        try:
            hub.create_repo(repository, private=True, exist_ok=True)
            hub.upload_folder(repo_id=repository, folder_path=folder, commit_message="Trained PerCoV2 model")
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise ValueError(
                f"{repository} could not be pushed: check the name and the network, and log in with hf auth login"
            ) from error
    return listing


def model_card(manifest: dict[str, Any]) -> ModelCard:
    """The card of an exported model.

    Args:
        manifest: Contents of its `manifest.json`.
    """
    base = manifest.get("base", {"model": None, "revision": None})
    data = ModelCardData(
        library_name="diffusers",
        pipeline_tag="image-to-image",
        base_model=base["model"],
        base_model_relation="adapter" if base["model"] else None,
        license="other",
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
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n".join(lines) + "\n")
