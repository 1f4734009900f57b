"""Where models are: the embedded one, a folder, a repository on the hub."""

from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError


EMBEDDED_MODEL = Path(__file__).parent.parent / "assets" / "model"

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


def _fetch(model: str, download: dict[str, Any]) -> Path:
    """The folder of a hub repository's files, downloaded where the cache does not have them."""
    try:
        return Path(snapshot_download(model, allow_patterns=MODEL_FILES, **download))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ValueError(
            f"there is no folder {model!r}, and no repository of that name could be fetched from the hub: "
            "check the name, the network and your access to it"
        ) from error
