"""Gather what the stages measured in one folder that can be kept with the model."""

from collections.abc import Sequence
from pathlib import Path

from percov2_demo.files.atomic import write_bytes


TABLES = {
    "strength/curve.csv": "strength.csv",
    "leverage/leverage.csv": "leverage.csv",
    "leverage/caption-change.csv": "caption-change.csv",
    "leverage/edits.csv": "edits.csv",
    "leverage/scales.csv": "scales.csv",
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
    written = {out / name: work / source for source, name in names.items() if (work / source).is_file()}
    for path, source in written.items():
        write_bytes(path, source.read_bytes())
    return list(written)
