"""Gather what the stages measured in one folder that can be kept with the model."""

import shutil
from collections.abc import Sequence
from pathlib import Path


TABLES = {
    "strength/curve.csv": "strength.csv",
    "leverage/leverage.csv": "leverage.csv",
    "leverage/caption-change.csv": "caption-change.csv",
    "captioner/validation.json": "captioner.json",
    "captioner/captions.csv": "captions.csv",
}


def collect_results(work: Path, stages: Sequence[str], out: Path) -> list[Path]:
    """Copy the stages' tables and loss curves; what `work` does not have stays as it is in `out`.

    Args:
        work: Folder with the results of the stages.
        stages: Stages whose curves are wanted.
        out: Where the files go.

    Returns:
        The files that were written.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = TABLES | {f"{stage}/curve.csv": f"{stage}-curve.csv" for stage in stages}
    return [
        Path(shutil.copyfile(work / source, out / name)) for source, name in names.items() if (work / source).is_file()
    ]
