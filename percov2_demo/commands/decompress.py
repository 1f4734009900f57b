"""The command `decompress`: paint the picture of a `.pcv2` file."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import asdict, replace
from pathlib import Path

from percov2_demo.commands.files import check_output, read_stream
from percov2_demo.commands.model import add_model_options, add_painter_options, load_model
from percov2_demo.commands.output import Stopwatch, print_json
from percov2_demo.entropy.packet_loss import draw_lost
from percov2_demo.files.atomic import atomic_path
from percov2_demo.sampling.settings import OWN, Sampling


HELP = "a .pcv2 file to a picture"

STEPS_HELP = "steps of the sampler; default: the painter's"
STRENGTH_HELP = "noise level at the start, from 0 (the hyper-decoder's estimate) to 1; default: the painter's"
AUTO = "auto"
"""Stands for the largest noise level that keeps enough of the indices."""

HOLD_HELP = "how far each step's low frequencies are drawn back to the estimate's, from 0 to 1; default: 0"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN.pcv2")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png", help="written as PNG")
    parser.add_argument("--steps", type=int, help=STEPS_HELP)
    parser.add_argument("--guidance", type=float, help="guidance scale on the caption; default: the painter's")
    parser.add_argument(
        "--strength", type=_strength, help=f'{STRENGTH_HELP}; "{AUTO}" takes the largest that keeps --agreement'
    )
    parser.add_argument("--seed", type=int, default=Sampling.seed)
    parser.add_argument(
        "--fast", action="store_true", help="half the sampler's work or less, for a slightly different picture"
    )
    parser.add_argument("--lose", type=float, metavar="SHARE", help="of indices, filled in by the entropy model")
    parser.add_argument("--lose-seed", type=int, default=0, help="chooses which are lost, and how they are filled")
    parser.add_argument("--hold", type=float, default=Sampling.hold, help=HOLD_HELP)
    parser.add_argument(
        "--agreement", type=float, metavar="SHARE", default=0.9, help=f"of the indices, for --strength {AUTO}"
    )
    add_model_options(parser)
    add_painter_options(parser)


def _strength(text: str) -> float | str:
    try:
        return AUTO if text == AUTO else float(text)
    except ValueError:
        raise ArgumentTypeError(f'{text} is neither a number from 0 to 1 nor "{AUTO}"') from None


def run(options: Namespace) -> None:
    """Write the picture of a stream as PNG."""
    check_output(options.output, [options.input])
    data = read_stream(options.input)
    watch = Stopwatch()
    pipeline = load_model(options)
    watch.lap("load")
    stream = pipeline.read(data)
    if options.lose is not None:
        lost = draw_lost(stream.indices.size, options.lose, options.lose_seed)
        stream = pipeline.conceal(stream, lost, options.lose_seed)
    watch.lap("read")
    painter = pipeline.painters.find(options.painter)
    if painter.card.name != OWN:
        watch.lap("painter")
    strength = painter.stream_sigma(stream) if options.strength in (None, AUTO) else options.strength
    settings = painter.settle(stream.preset, options.steps, options.guidance, strength, options.seed, options.hold)
    arguments = {
        "num_inference_steps": settings.steps,
        "guidance_scale": settings.guidance,
        "seed": settings.seed,
        "hold": settings.hold,
        "fast": options.fast,
        "painter": painter,
    }
    if options.strength == AUTO:
        found = pipeline.find_sigma(stream, options.agreement, **arguments)
        image, settings = found.picture, replace(settings, strength=found.sigma)
    else:
        image = pipeline.decompress(stream, strength=settings.strength, **arguments)
    watch.lap("decompress")
    with atomic_path(options.output) as path:
        image.save(path, format="PNG")
    told = asdict(settings) | {"fast": options.fast, "agreement": round(pipeline.agreement(stream, image), 4)}
    print_json(told | {"width": image.width, "height": image.height, "seconds": watch.seconds})
