"""The command `decompress`: paint the picture of a `.pcv2` file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.commands.files import check_output, read_stream
from percov2_demo.commands.model import add_model_options, load_pipeline
from percov2_demo.commands.output import Stopwatch, print_json
from percov2_demo.entropy.packet_loss import draw_lost
from percov2_demo.files.atomic import atomic_path
from percov2_demo.sampling.settings import Sampling


HELP = "a .pcv2 file to a picture"

STEPS_HELP = "steps of the sampler; default: the model's"
STRENGTH_HELP = "noise level at the start, from 0 (the hyper-decoder's estimate) to 1; default: the model's"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN.pcv2")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png", help="written as PNG")
    parser.add_argument("--steps", type=int, help=STEPS_HELP)
    parser.add_argument("--guidance", type=float, default=Sampling.guidance)
    parser.add_argument("--strength", type=float, help=STRENGTH_HELP)
    parser.add_argument("--seed", type=int, default=Sampling.seed)
    parser.add_argument(
        "--fast", action="store_true", help="half the sampler's work or less, for a slightly different picture"
    )
    parser.add_argument("--lose", type=float, metavar="SHARE", help="of indices, filled in by the entropy model")
    parser.add_argument("--lose-seed", type=int, default=0, help="chooses which are lost, and how they are filled")
    add_model_options(parser)


def run(options: Namespace) -> None:
    """Write the picture of a stream as PNG."""
    check_output(options.output, [options.input])
    data = read_stream(options.input)
    watch = Stopwatch()
    pipeline = load_pipeline(options)
    watch.lap("load")
    stream = pipeline.read(data)
    if options.lose is not None:
        lost = draw_lost(stream.indices.size, options.lose, options.lose_seed)
        stream = pipeline.conceal(stream, lost, options.lose_seed)
    watch.lap("read")
    strength = pipeline.default_strength(stream.preset) if options.strength is None else options.strength
    steps = pipeline.default_steps if options.steps is None else options.steps
    image = pipeline.decompress(
        stream,
        num_inference_steps=steps,
        guidance_scale=options.guidance,
        strength=strength,
        seed=options.seed,
        fast=options.fast,
    )
    watch.lap("decompress")
    with atomic_path(options.output) as path:
        image.save(path, format="PNG")
    sampling = {"steps": steps, "guidance": options.guidance, "strength": strength, "seed": options.seed}
    sampling["fast"] = options.fast
    print_json(sampling | {"width": image.width, "height": image.height, "seconds": watch.seconds})
