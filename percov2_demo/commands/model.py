"""Options that name a model, its device and its captioner, and the model that they name."""

import logging
import os
import sys
import warnings
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from percov2_demo.captioning.names import CAPTIONER_WORDS
from percov2_demo.checkpoints.memory_plans import PLANS
from percov2_demo.errors import InputError
from percov2_demo.sampling.settings import OWN, SCALES


if TYPE_CHECKING:
    from percov2_demo.pipelines.base import CodecPipeline

CAPTIONERS_METAVAR = "|".join((*CAPTIONER_WORDS, "ID"))

CAPTION_DEFAULT = 'default: "auto" with --captioner, else "none"'
"""Help on an option whose default is `default_caption`."""


def add_model_options(parser: ArgumentParser, placement: bool = True, captioner: bool = False) -> None:
    """Add --model and --base, and where they are asked for --device and --memory, and --captioner."""
    parser.add_argument(
        "--model",
        default=os.environ.get("PERCOV2_MODEL") or None,
        help="model or adapter, a folder or hub id; default: the variable PERCOV2_MODEL, or else the embedded one",
    )
    parser.add_argument(
        "--base",
        default=os.environ.get("PERCOV2_BASE") or None,
        help="folder or hub id of an adapter's base; default: the variable PERCOV2_BASE, or else as it says",
    )
    if placement:
        parser.add_argument(
            "--device",
            default=os.environ.get("PERCOV2_DEVICE") or "cpu",
            help='as torch names them, for instance "cuda"; default: the variable PERCOV2_DEVICE, or else the CPU',
        )
        parser.add_argument(
            "--memory",
            choices=PLANS,
            default=os.environ.get("PERCOV2_MEMORY") or None,
            help="what saves memory; default: the variable PERCOV2_MEMORY, or else max, which saves none",
        )
    if captioner:
        parser.add_argument(
            "--captioner",
            metavar=CAPTIONERS_METAVAR,
            default=os.environ.get("PERCOV2_CAPTIONER") or None,
            help="who writes captions; default: the variable PERCOV2_CAPTIONER, or else embedded, the model's own",
        )


def add_painter_options(parser: ArgumentParser, several: bool = False) -> None:
    """Add --painter, as often as it is given where `several`, and --tiny-autoencoder."""
    named = [name for name in os.environ.get("PERCOV2_PAINTER", "").split(",") if name]
    what = (
        "public text-to-image model that paints, a folder or hub id; see the command painters; default: the variable"
    )
    if several:
        parser.add_argument(
            "--painter",
            metavar="ID",
            dest="painters",
            action="append",
            help=f"{what} PERCOV2_PAINTER; may be given several times, the model's own is always there",
        )
    else:
        parser.add_argument(
            "--painter",
            metavar="ID",
            default=named[0] if named else OWN,
            help=f"{what} PERCOV2_PAINTER, or else {OWN}, the model's own; {SCALES} draws finer tokens first",
        )
    parser.set_defaults(offered=named)
    parser.add_argument(
        "--painter-device",
        default=os.environ.get("PERCOV2_PAINTER_DEVICE") or None,
        help="where a public painter works; default: the variable PERCOV2_PAINTER_DEVICE, or else as --device",
    )
    parser.add_argument(
        "--painter-memory",
        choices=PLANS,
        default=os.environ.get("PERCOV2_PAINTER_MEMORY") or None,
        help="its memory plan; default: the variable PERCOV2_PAINTER_MEMORY, or else as --memory",
    )
    parser.add_argument(
        "--tiny-autoencoder",
        action="store_true",
        default=os.environ.get("PERCOV2_TINY_AUTOENCODER") == "1",
        help="a public painter works with a small autoencoder: quick on a CPU, less fine",
    )


def default_caption(options: Namespace) -> str:
    """Return the default of --caption: "auto" if a captioner was named, else "none"."""
    return "none" if options.captioner in (None, "none") else "auto"


def load_model(options: Namespace) -> "CodecPipeline":
    """Load the model that the options name, placed as they say and with their captioner."""
    quieten_libraries()
    from percov2_demo.pipelines import auto

    pipeline = auto.load_pipeline(options.model, memory=options.memory, device=options.device, base=options.base)
    if pipeline.placement is not None and (ignored := pipeline.placement.plan.ignored_on(pipeline.placement.device)):
        print(f"note: {ignored}", file=sys.stderr)
    if getattr(options, "captioner", None) is not None:
        pipeline.use_captioner(options.captioner)
    if hasattr(options, "tiny_autoencoder"):
        pipeline.offer_painters(
            _named_painters(options), options.tiny_autoencoder, options.painter_device, options.painter_memory
        )
    pipeline.set_progress_bar_config(disable=not sys.stderr.isatty(), file=sys.stderr)
    return pipeline


def check_docstrings() -> None:
    """Refuse an interpreter without docstrings, which libraries read when they are imported.

    Raises:
        InputError: Python runs with -OO or PYTHONOPTIMIZE=2.
    """
    if sys.flags.optimize > 1:
        raise InputError("the libraries need docstrings, which -OO and PYTHONOPTIMIZE=2 remove: use -O, or neither")


def _named_painters(options: Namespace) -> list[str]:
    if hasattr(options, "painters"):
        return options.painters or options.offered
    return [] if options.painter in (OWN, SCALES) else [options.painter]


def quieten_libraries() -> None:
    """Mute the libraries' notices for developers; a command's stderr carries progress and its one error line.

    Raises:
        InputError: As `check_docstrings`.
    """
    check_docstrings()
    warnings.filterwarnings("ignore")
    # torchao's notices about its own files when diffusers looks for it.
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.logging.set_verbosity_error()
        library.logging.disable_progress_bar()
