"""Public text-to-image models that are known to paint files well in some place."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from percov2_demo.commands.output import print_json
from percov2_demo.painters.known import KnownPainter, known_painters


HELP = "public models that can paint, what they cost, and which are downloaded"

_HEAD = ("MODEL", "FOR", "STEPS", "SIGMA", "GUIDANCE", "DOWNLOAD", "MEMORY", "HERE", "LICENCE", "SIZES FROM")

_NOTE = """
Any other model of the same kinds works, too: name its folder or hub id with --painter. SIGMA is the noise level to
begin with. Sizes and licences are the models' own statements, MEMORY is in 16 bits; none of it was measured here."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")


def run(options: Namespace) -> None:
    """Print the known painters, the recommended ones first."""
    entries = [(known, _is_downloaded(known.model)) for known in known_painters()]
    if options.json:
        print_json({"painters": [asdict(known) | {"downloaded": here} for known, here in entries]})
        return
    lines = [_HEAD, *(_line(known, here) for known, here in entries)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(_NOTE)


def _line(known: KnownPainter, is_downloaded: bool) -> tuple[str, ...]:
    return (
        known.model,
        ", ".join(known.places) or "-",
        str(known.steps),
        f"{known.sigma:g}",
        "none" if known.guidance is None else f"{known.guidance:g}",
        f"{known.download_gb:g} GB",
        f"{known.memory_gb:g} GB",
        "yes" if is_downloaded else "no",
        f"{known.licence} (gated)" if known.gated else known.licence,
        known.source,
    )


def _is_downloaded(model: str) -> bool:
    """Tell whether the hub's cache holds a model whole, as far as that shows without the hub."""
    from huggingface_hub import try_to_load_from_cache

    from percov2_demo.checkpoints.fetching import components
    from percov2_demo.checkpoints.schema import MODEL_FILE, read_json

    index = try_to_load_from_cache(model, MODEL_FILE)
    if not isinstance(index, str):
        return False
    folder = Path(index).parent
    # Schedulers and tokenizers are small and come with the rest.
    return all((folder / part).is_dir() for part in components(read_json(folder / MODEL_FILE)))
