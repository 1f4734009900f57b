"""Turn the hub's refusals into one sentence with the remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import validate_repo_id

from percov2_demo.errors import HubError


REMEDIES = {
    401: "the hub does not accept your token: log in with `hf auth login`, or set HF_TOKEN to a token that is valid",
    403: "your token has no right to {name}: use one with write access, of an account that may write under {owner}",
}
"""What to do about an answer of the hub, by its status."""


def check_name(name: str, what: str) -> None:
    """Refuse a text that is not the name of a repository.

    Args:
        name: The name.
        what: What it is to be the name of, as "a Space".

    Raises:
        HubError: It is not "user/name".
    """
    try:
        validate_repo_id(name)
    except HFValidationError:
        name = ""
    if name.count("/") != 1:
        raise HubError(f"name {what} as user/name, in letters, digits, -, _ and .")


@contextmanager
def remedies(name: str, more: dict[int, str]) -> Iterator[None]:
    """Turn the hub's errors into one sentence, without the hub's own words, which may quote a request.

    Args:
        name: The repository.
        more: Remedies by status, beside `REMEDIES` or in their place; with {name}, {owner} and {status}.

    Raises:
        HubError: The hub refused, or cannot be reached.
    """
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        remedy = (REMEDIES | more).get(status, "the hub answered with status {status}: try again later")
        raise HubError(remedy.format(name=name, owner=name.partition("/")[0], status=status)) from error
    except LocalTokenNotFoundError as error:
        raise HubError(REMEDIES[401]) from error
    except (HTTPError, OfflineModeIsEnabled) as error:
        raise HubError("the hub cannot be reached: check the network, HF_ENDPOINT and HF_HUB_OFFLINE") from error
