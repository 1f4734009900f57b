"""The command `evaluate`: measure rates and metrics over a folder of pictures."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from itertools import product, starmap
from pathlib import Path

from percov2_demo.bitstream import SCHEDULES, parse_coding
from percov2_demo.commands.decompress import HOLD_HELP, STEPS_HELP, STRENGTH_HELP
from percov2_demo.commands.files import check_output_folder
from percov2_demo.commands.model import (
    CAPTION_DEFAULT,
    add_model_options,
    add_painter_options,
    default_caption,
    load_model,
)
from percov2_demo.commands.output import print_json
from percov2_demo.errors import InputError
from percov2_demo.images import FITS
from percov2_demo.presets import PRESETS
from percov2_demo.sampling.settings import Sampling


HELP = "rates and metrics over a folder of pictures"

LEARNED = ("lpips", "clip", "fid")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, help="default: all of the model's")
    parser.add_argument(
        "--entropy", nargs="+", type=coding, default=["default"], help=f"default, qlds:S, {', '.join(SCHEDULES)}"
    )
    parser.add_argument("--steps", nargs="+", type=int, help=STEPS_HELP)
    parser.add_argument("--guidance", nargs="+", type=float, help="guidance scales; default: the painter's")
    parser.add_argument("--hold", type=float, default=Sampling.hold, help=HOLD_HELP)
    parser.add_argument(
        "--strength", nargs="+", type=strength, default=[None], help=f'{STRENGTH_HELP}, also by the word "default"'
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[Sampling.seed], help="what is averaged over")
    parser.add_argument(
        "--captions", metavar="FILE|auto|none", help=f'JSON lines with "file" and "caption"; {CAPTION_DEFAULT}'
    )
    parser.add_argument("--fit", choices=FITS, default="crop")
    parser.add_argument(
        "--baselines", nargs="+", default=["all"], metavar="CODEC", help='classical codecs, "all" (default) or "none"'
    )
    parser.add_argument(
        "--budgets",
        nargs="+",
        type=int,
        default=[],
        metavar="BYTES",
        help="files of these sizes too: refined, without a base stream, and of the classical codecs",
    )
    parser.add_argument(
        "--learned", nargs="+", choices=LEARNED, default=[], help="metrics with weights of their own, from the hub"
    )
    parser.add_argument("--dataset", help="name of the pictures in the results; default: the folder's")
    add_model_options(parser, captioner=True)
    add_painter_options(parser)


def strength(text: str) -> float | None:
    """Parse a strength of the command line; None is the model's own."""
    try:
        return None if text == "default" else float(text)
    except ValueError:
        raise ArgumentTypeError(f'{text} is neither a number from 0 to 1 nor "default"') from None


def coding(text: str) -> str:
    """Check a coding of the indices, see `parse_coding`."""
    try:
        parse_coding(text)
    except InputError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def run(options: Namespace) -> int:
    """Measure the codec on a folder of pictures; return 1 where some of them cannot be read."""
    from percov2_demo.evaluation.protocol import (
        Protocol,
        choose_codecs,
        describe_pictures,
        distinct_samplings,
        list_pictures,
    )
    from percov2_demo.evaluation.run import evaluate, join_processes

    check_output_folder(options.out, options.input)
    options.device = join_processes(options.device)
    source = options.captions or default_caption(options)
    captions = None if source in ("auto", "none") else Path(source)
    pictures = list_pictures(options.input, captions, options.fit)
    baselines = choose_codecs(options.baselines)
    pipeline = load_model(options)
    pipeline.set_progress_bar_config(disable=True)
    pictures = [replace(picture, max_side=pipeline.max_side) for picture in pictures]
    if source == "auto":
        pictures = describe_pictures(pictures, pipeline.caption)
    painter = pipeline.painters.find(options.painter)
    usual = painter.settle(pipeline.presets[0])
    guidances = [usual.guidance] if painter.card.guidance is None else options.guidance or [usual.guidance]
    settings = product(
        options.steps or [usual.steps], guidances, options.strength, options.seeds, [options.hold], [options.painter]
    )
    protocol = Protocol(
        presets=tuple(options.presets or pipeline.presets),
        entropies=tuple(options.entropy),
        samplings=distinct_samplings(starmap(Sampling, settings)),
        fit=options.fit,
        captions=captions.name if captions else source,
        baselines=baselines,
        learned=tuple(options.learned),
        budgets=tuple(options.budgets),
        dataset=options.dataset or options.input.resolve().name,
    )
    for sampling in protocol.samplings:
        painter.check_sampling(sampling)
    summary = evaluate(pipeline, pictures, protocol, options.out)
    if summary is None:
        return 0
    print_json(summary)
    return 1 if summary["unreadable"] else 0
