"""Publish the app as a Hugging Face Space: choose the files that it takes, and upload them."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import HfApi, RepoCard
from huggingface_hub.errors import HTTPError
from huggingface_hub.utils import filter_repo_objects

from percov2_demo.captioning.names import CAPTIONER_WORDS
from percov2_demo.checkpoints.folders import BASE_REPOSITORIES, EMBEDDED_MODEL, base_alone
from percov2_demo.errors import HubError, InputError
from percov2_demo.hub.hardware import HARDWARE, PAINTER_VARIABLES, VARIABLES
from percov2_demo.hub.messages import check_name, remedies


ROOT = Path(__file__).parents[2]

OPTIONAL_VARIABLES = {
    "PERCOV2_MEMORY",
    "PERCOV2_BASE",
    "PERCOV2_CAPTIONER",
    "PERCOV2_PAINTER",
    "PERCOV2_PAINTER_DEVICE",
    "PERCOV2_PAINTER_MEMORY",
    "PERCOV2_TINY_AUTOENCODER",
}
"""Variables that not every Space is given."""

# Lists what a Space needs, so that nothing else in a checkout can slip in; a pattern's * also stands for slashes.
INCLUDED = [
    "app.py",
    "LICENSE",
    *(
        f"percov2_demo/*.{suffix}"
        for suffix in ("py", "html", "css", "js", "svg", "bib", "json", "yaml", "md", "typed")
    ),
    *(f"assets/*.{suffix}" for suffix in ("json", "safetensors", "csv", "md", "webp")),
]
EXCLUDED = [
    f"assets/results/*/{generated}" for generated in ("streams/*", "pictures/*", "unfinished/*", "timings.csv")
]

SPACE_REMEDIES = {
    402: "the hub asks for a subscription or credits to run a Space of this kind under {owner}: see its pricing page",
    404: "there is no Space {name}, or your token may not see it: create it before it is updated",
    409: "there is a Space {name} already: choose another name, or update it",
}
"""What to do about an answer of the hub, by its status, beside `messages.REMEDIES`."""


def publish(
    space: str,
    hardware: str,
    model: str | None = None,
    base: str | None = None,
    captioner: str | None = None,
    private: bool = False,
    update: bool = False,
    dry_run: bool = False,
    painter: str | None = None,
    tiny_autoencoder: bool = False,
) -> dict[str, Any]:
    """Create a Space, or replace its files, with the token of the environment or of `hf auth login`.

    Args:
        space: The Space as "user/name".
        hardware: One of `HARDWARE`.
        model: Repository on the hub of the model that it serves; None for the embedded model.
        base: Repository on the hub of an adapter's base; None for the one that the adapter names.
        captioner: One of `CAPTIONER_WORDS`, or a repository on the hub; None for the model's own.
        private: Whether the Space is seen by its owner alone from now on; else it is public, or as it was.
        update: Whether the Space is there already; its files are replaced, and its variables are those given here.
        dry_run: Whether to do nothing but say what would be done; takes neither network nor token.
        painter: Repository on the hub of a public text-to-image model that paints beside the model's own painter.
        tiny_autoencoder: Whether that one works with a small autoencoder.

    Returns:
        The Space's name and hardware, its variables, what is fetched when the Space is built (a dry run takes it for
        public), and the sizes of its files in bytes; its address once published.

    Raises:
        HubError: A name is not valid, or the hub refused; one sentence with the remedy.
        InputError: This is no clone of the repository.
    """
    if not (ROOT / "spaces_config").is_dir():
        raise InputError("a Space is made of a clone of the repository, not of an installed package: run this in one")
    check_name(space, "a Space")
    if model is not None:
        _check_repository(model, "a model")
        if model.startswith(BASE_REPOSITORIES):
            raise base_alone(model)
    variables = VARIABLES[hardware] | {"PERCOV2_MODEL": model or EMBEDDED_MODEL.relative_to(ROOT).as_posix()}
    if base is not None:
        _check_repository(base, "a base")
        variables["PERCOV2_BASE"] = base
    if captioner is not None:
        if captioner not in CAPTIONER_WORDS:
            _check_repository(captioner, "a captioner")
        variables["PERCOV2_CAPTIONER"] = captioner
    if painter is not None:
        variables |= _painter_variables(painter, tiny_autoencoder, {} if model else PAINTER_VARIABLES[hardware])
    models = [name for name in (model, painter) if name is not None]
    preload = [name for name in models if dry_run or _is_public(name)]
    with TemporaryDirectory() as folder:
        sizes = assemble(Path(folder), hardware, models, preload)
        result: dict[str, Any] = {"space": space, "hardware": hardware, "variables": variables, "preload": preload}
        result |= {"bytes": sum(sizes.values()), "files": sizes}
        if not dry_run:
            result["url"] = _upload(Path(folder), space, hardware, variables, private, update)
    return result


def assemble(folder: Path, hardware: str, models: Sequence[str] = (), preload: Sequence[str] = ()) -> dict[str, int]:
    """Write a Space's files.

    Args:
        folder: An empty folder.
        hardware: One of `HARDWARE`.
        models: Repositories on the hub of the models that it serves besides the embedded one.
        preload: Those that are fetched when the Space is built, which public ones alone can be.

    Returns:
        Sizes in bytes by path.
    """
    variant = ROOT / "spaces_config" / hardware
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    card = RepoCard((variant / "README.md").read_text("utf-8"))
    if models:
        card.data.models = list(models)
    if preload:
        card.data.preload_from_hub = list(preload)
    card.save(folder / "README.md")
    # One file, because a Space is built from this one alone.
    requirements = [path / "requirements.txt" for path in (ROOT, variant)]
    (folder / "requirements.txt").write_text("".join(path.read_text("utf-8") for path in requirements), "utf-8")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def files() -> list[str]:
    """List the files that go into a Space as they are, in order: of a git checkout, those that it tracks."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        paths = [ROOT / name for name in listed.stdout.split("\0")]
    else:
        paths = [path for top in ("*", "percov2_demo/**/*", "assets/**/*") for path in ROOT.glob(top)]
    names = (path.relative_to(ROOT).as_posix() for path in paths if path.is_file())
    return sorted(filter_repo_objects(names, allow_patterns=INCLUDED, ignore_patterns=EXCLUDED))


def _check_repository(name: str, what: str) -> None:
    if Path(name).exists():
        raise HubError(f"{name} is on this computer: upload it to the hub first, and name its repository")
    check_name(name, what)


def _painter_variables(painter: str, tiny_autoencoder: bool, placed: dict[str, str]) -> dict[str, str]:
    _check_repository(painter, "a painter")
    variables = placed | {"PERCOV2_PAINTER": painter}
    return variables | {"PERCOV2_TINY_AUTOENCODER": "1"} if tiny_autoencoder else variables


def _is_public(model: str) -> bool:
    """Ask whether a model on the hub is public: a Space is built without a token."""
    with remedies(model, {404: "there is no model {name}, or your token may not see it: check its name"}):
        info = HfApi().model_info(model)
    return not (info.private or info.gated)


def _upload(folder: Path, space: str, hardware: str, variables: dict[str, str], private: bool, update: bool) -> str:
    """Fill the Space and return its address."""
    api = HfApi()
    with remedies(space, SPACE_REMEDIES):
        if not update:
            api.create_repo(space, repo_type="space", space_sdk="gradio", private=private or None)
        else:
            if private:
                api.update_repo_settings(space, repo_type="space", private=True)
            # A variable that the last upload set would apply to this one.
            for name in OPTIONAL_VARIABLES & (api.get_space_variables(space).keys() - variables):
                api.delete_space_variable(space, name)
        for name, value in variables.items():
            api.add_space_variable(space, name, value)
        api.upload_folder(
            repo_id=space,
            repo_type="space",
            folder_path=folder,
            commit_message="PerCoV2 Explorer",
            delete_patterns="*" if update else None,
        )
    try:
        api.request_space_hardware(space, HARDWARE[hardware])
    except HTTPError as error:
        raise HubError(
            f"{space} is published, but the hub refused the hardware {hardware}: choose it in the Space's settings"
        ) from error
    return f"{api.endpoint}/spaces/{space}"
