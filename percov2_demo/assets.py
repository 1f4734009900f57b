"""The files that come with the program: the embedded model, committed results, and where its photos are from."""

from importlib.resources import files
from pathlib import Path


def _find_assets() -> Path:
    """Return the folder `assets` of an installed package, or else of a clone, where it lies beside the package."""
    package = Path(str(files("percov2_demo")))
    installed = package / "assets"
    return installed if installed.is_dir() else package.parent / "assets"


ASSETS = _find_assets()
