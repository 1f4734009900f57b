"""Where models are: the embedded one, a folder, a repository on the hub."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError


EMBEDDED_MODEL = Path(__file__).parent.parent / "assets" / "model"

SOURCES = EMBEDDED_MODEL.parent / "sources.json"

MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
DOWNLOAD_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "force_download")


def model_folder(model: str | Path | None, **download: Any) -> Path:
    """The folder of a model, downloaded where it is a repository that the cache does not have.

    Args:
        model: Folder, or repository on the hub; None for the embedded model.
        **download: `DOWNLOAD_OPTIONS` of the hub's download.

    Raises:
        ValueError: There is no such model.
    """
    folder = Path(model or EMBEDDED_MODEL)
    if not folder.is_dir() and model:
        folder = _fetch(str(model), download)
    if not (folder / "model_index.json").is_file():
        raise ValueError(f"there is no model in {folder.resolve().name}: a model folder holds a model_index.json")
    return folder


def read_manifest(folder: str | Path | None, identity: str) -> dict[str, Any] | None:
    """What training wrote down of a model; None where there is nothing, or it is of other weights.

    Args:
        folder: The model's folder; None for a model that is from none.
        identity: The model's fingerprint.
    """
    path = Path(folder or "") / "manifest.json"
    if folder is None or not path.is_file():
        return None
    manifest = json.loads(path.read_text("utf-8"))
    return manifest if manifest.get("identity") == identity else None


def source_licences() -> dict[str, str]:
    """Licences of collections of photos by the collection's name, as their repositories state them."""
    return json.loads(SOURCES.read_text("utf-8"))


def _fetch(model: str, download: dict[str, Any]) -> Path:
    """The folder of a hub repository's files, downloaded where the cache does not have them."""
    try:
        return Path(snapshot_download(model, allow_patterns=MODEL_FILES, **download))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ValueError(
            f"there is no folder {model!r}, and no repository of that name could be fetched from the hub: "
            "check the name, the network and your access to it"
        ) from error
