"""The command `bench`: time each part."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from PIL import Image

from percov2_demo.commands.model import add_model_options, add_painter_options, load_model
from percov2_demo.commands.output import Stopwatch, print_json
from percov2_demo.errors import InputError
from percov2_demo.images import load_image
from percov2_demo.sampling.settings import OWN, SCALES


HELP = "how long each part takes, also beside the plain diffusers loop"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, nargs="?", metavar="PHOTO", help="default: a drawn picture of 512x512")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that medians are taken of")
    parser.add_argument("--scale", action="store_true", help="how the cost grows, in place of the parts")
    parser.add_argument("--variants", action="store_true", help="also in bfloat16 and compiled, which takes minutes")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of the table")
    add_model_options(parser)
    add_painter_options(parser)


def run(options: Namespace) -> None:
    """Measure how long each part takes."""
    if options.repeats < 1:
        raise InputError("the number of rounds must be at least 1")
    photo = load_image(options.input) if options.input else Image.effect_mandelbrot((512, 512), (-2, -1, 1, 1), 100)
    watch = Stopwatch()
    pipeline = load_model(options)
    watch.lap("imports and load")
    from percov2_demo.bench import bench, scale, scale_table, table
    from percov2_demo.bench.stock import bench_painter, painter_table
    from percov2_demo.pipelines.percov2 import PerCoV2Pipeline

    pipeline.set_progress_bar_config(disable=True)
    if options.painter == SCALES:
        raise InputError(f"the bench compares painters with libraries' own loops, and {SCALES} has none: name another")
    if options.painter != OWN:
        painter = pipeline.painters.find(options.painter)
        result, lines = bench_painter(pipeline, photo.convert("RGB"), painter, options.repeats), painter_table
    elif not isinstance(pipeline, PerCoV2Pipeline):
        raise InputError("the bench compares with Stable Diffusion 3's loop: name a PerCoV2 model")
    elif options.scale:
        result, lines = scale(pipeline, photo.convert("RGB"), options.repeats), scale_table
    else:
        result, lines = bench(pipeline, photo.convert("RGB"), options.repeats, variants=options.variants), table
        result["parts"] = watch.seconds | result["parts"]
    if options.json:
        print_json(result)
    else:
        print(lines(result))
