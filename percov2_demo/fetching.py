"""Repositories of the hub as folders, and in one sentence why one could not be fetched."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import get_token, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


DOWNLOAD_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "force_download")
MODEL_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
VARIANTS = ("*.fp16.safetensors", "*.fp16-*.safetensors", "*.fp16.json")
"""Second copies of the same weights, which some repositories hold."""

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token from hf.co/settings/tokens"


def fetch(repository: str, leave_out: Sequence[str] = (), **download: Any) -> Path:
    """The folder of a hub repository's files, downloaded where the cache does not have them.

    Args:
        repository: `owner/name` on the hub.
        leave_out: Patterns of files that are not needed.
        **download: `DOWNLOAD_OPTIONS` of the hub's download.

    Raises:
        ValueError: The files cannot be had; the message says what to do about it.
    """
    ignored = [*VARIANTS, *leave_out]
    try:
        folder = snapshot_download(repository, allow_patterns=list(MODEL_FILES), ignore_patterns=ignored, **download)
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, LocalTokenNotFoundError) as error:
        raise ValueError(_sentence(error, repository, download)) from error
    return Path(folder)


def _sentence(error: Exception, repository: str, download: dict[str, Any]) -> str:
    if isinstance(error, HFValidationError):
        return f"there is no folder {repository!r}, and repositories on the hub are named owner/name: check the name"
    if isinstance(error, LocalTokenNotFoundError):
        return f"no access token is stored on this machine to fetch {repository} with: {_LOG_IN}"
    if isinstance(error, GatedRepoError):
        page = f"accept its licence at https://huggingface.co/{repository}"
        token = download.get("token")
        if token is False or not (isinstance(token, str) or get_token()):
            return f"{repository} is gated and no access token was sent: {page}, then {_LOG_IN}"
        return f"{repository} is gated for this access token: {page} with the account that the token belongs to"
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {download.get('revision')!r} on the hub: check the revision"
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"there is no folder {repository!r}, and the hub shows no repository of that name: check the name, and if "
            f"it is a private one, {_LOG_IN}"
        )
    if isinstance(error, LocalEntryNotFoundError):
        return (
            f"{repository} is neither a folder nor complete in the hub's cache, and the hub cannot be reached: check "
            "the name and the network, or fetch it once where there is a network"
        )
    status = error.response.status_code
    return f"the hub answered {status} when asked for {repository}: try again later, what has arrived is kept"
