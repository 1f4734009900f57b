"""Fetch repositories of the hub as folders, or say in one sentence why that failed."""

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from huggingface_hub import get_token, is_offline_mode, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm import tqdm

from percov2_demo.checkpoints.schema import ADAPTER_FILE, MANIFEST_FILE, MODEL_FILE, read_json
from percov2_demo.checkpoints.weights import STEMS
from percov2_demo.errors import ModelError


Progress = Callable[[int, int], None]
"""Told how many bytes of a download have arrived, and how many there are."""

DOWNLOAD_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "force_download")

_INDEXES = (MODEL_FILE, ADAPTER_FILE, "config.json", MANIFEST_FILE)
"""What tells, at the top of a repository, which other files belong to the model."""

_PART_FILES = (
    *(f"{stem}{shard}.safetensors" for stem in STEMS for shard in ("", "-*")),
    *("*.json", "*.txt", "*.model", "*.jinja"),
)
"""Files of a component, or of a model of transformers: weights in a second precision are called otherwise."""

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token from hf.co/settings/tokens"


def fetch(repository: str, leave_out: Sequence[str] = (), progress: Progress | None = None, **download: Any) -> Path:
    """Return the folder of a hub repository's model, downloaded where the cache does not have it.

    Only what the model consists of is fetched: the components that its index names, or, where it has none, the files
    of a model of transformers. Some repositories hold the same weights a second time, for other programs.

    Args:
        repository: `owner/name` on the hub.
        leave_out: Components that are not needed.
        progress: Told what has arrived of the components.
        **download: `DOWNLOAD_OPTIONS` of the hub's download.

    Raises:
        ModelError: The files cannot be had; the message says what to do about it.
    """
    index = _download(repository, _INDEXES, download)
    # All files must be of one commit, even if the branch moves meanwhile.
    pinned = download | {"revision": index.name}
    if (index / MODEL_FILE).is_file():
        parts = [name for name in components(read_json(index / MODEL_FILE)) if name not in leave_out]
    elif (index / ADAPTER_FILE).is_file():
        parts = ["*"]
    else:
        return _download(repository, _PART_FILES, pinned, ignore="*/*")
    return _download(repository, [f"{part}/{file}" for part in parts for file in _PART_FILES], pinned, None, progress)


def components(index: Mapping[str, Any]) -> list[str]:
    """Return the names of the components that a pipeline's index gives a class; no others have a folder."""
    return [name for name, kind in index.items() if isinstance(kind, list) and kind[-1:] not in ([], [None])]


def _download(
    repository: str,
    files: Sequence[str],
    download: dict[str, Any],
    ignore: str | None = None,
    progress: Progress | None = None,
) -> Path:
    options = download if progress is None else download | {"tqdm_class": _bytes_bar(progress)}
    if is_offline_mode():
        # Some versions ask the hub for a list of a commit's files before they look at the cache.
        options = options | {"local_files_only": True}
    try:
        folder = snapshot_download(repository, allow_patterns=list(files), ignore_patterns=ignore, **options)
    except (HFValidationError, HTTPError, LocalEntryNotFoundError, LocalTokenNotFoundError) as error:
        raise ModelError(_sentence(error, repository, download)) from error
    return Path(folder)


def _bytes_bar(progress: Progress) -> type[tqdm]:
    """Make a class of progress bars that report bytes in place of drawing them.

    The hub's library counts the same bytes twice, as they arrive and as they are written; the one that leads is told.
    """
    told = 0

    class BytesBar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs | {"file": StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal told
            moved = super().update(n)
            if self.unit == "B" and self.total and self.n > told:
                told = int(self.n)
                progress(told, int(self.total))
            return moved

    return BytesBar


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
        if download.get("local_files_only"):
            return (
                f"{repository} is not on this machine, and the network was not to be asked: fetch it once, or name a "
                "folder that holds it"
            )
        return (
            f"{repository} is neither a folder nor complete in the hub's cache, and the hub cannot be reached: check "
            "the name and the network, or fetch it once where there is a network"
        )
    if not isinstance(error, HfHubHTTPError):
        return f"the connection to the hub broke off on the way to {repository}: try again, what has arrived is kept"
    status = error.response.status_code
    return f"the hub answered {status} when asked for {repository}: try again later, what has arrived is kept"
