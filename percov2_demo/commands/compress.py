"""The command `compress`: turn a picture into a `.pcv2` file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.bitstream import SCHEDULES, Withheld
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.commands.files import check_output, read_picture
from percov2_demo.commands.model import CAPTION_DEFAULT, add_model_options, default_caption, load_pipeline
from percov2_demo.commands.output import Stopwatch, print_json
from percov2_demo.files.atomic import write_bytes
from percov2_demo.images import FITS, fit_image, load_image
from percov2_demo.presets import PRESETS


HELP = "a picture to a .pcv2 file"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN", help="the picture")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.pcv2")
    parser.add_argument("--preset", choices=PRESETS, help="default: the model's lowest")
    parser.add_argument("--caption", help=f'a text, "none", or "auto" for the captioner\'s; {CAPTION_DEFAULT}')
    parser.add_argument(
        "--caption-coding", choices=("deflate", "zlib"), help="without entropy models; default: the shortest"
    )
    parser.add_argument("--entropy", choices=SCHEDULES, help="coding of the indices; default: the preset's best")
    parser.add_argument("--steps-entropy", type=int, metavar="S", help="of qlds; default: 5 up to 8x8, else 12")
    parser.add_argument("--send-groups", type=int, metavar="K", help="groups of indices sent; default: all")
    parser.add_argument("--fill-seed", type=int, default=0, help="of the groups that are not sent, 0 to 255")
    parser.add_argument("--fill-temperature", type=float, default=1.0, help="of the groups that are not sent")
    parser.add_argument("--fit", choices=FITS, default="native")
    add_model_options(parser, captioner=True)


def run(options: Namespace) -> None:
    """Write the stream of a picture and print its accounting."""
    check_output(options.output, [options.input])
    original = read_picture(options.input)
    image = load_image(original)
    withheld = None
    if options.send_groups is not None:
        withheld = Withheld(options.send_groups, options.fill_seed, options.fill_temperature)
    watch = Stopwatch()
    pipeline = load_pipeline(options)
    watch.lap("load")
    caption = options.caption or default_caption(options)
    if caption == "none":
        caption = ""
    elif caption == "auto":
        # Of what is coded, which need not be the whole picture.
        caption = pipeline.caption(fit_image(image, options.fit, pipeline.max_side))
        watch.lap("caption")
    stream = pipeline.compress(
        image,
        preset=options.preset or pipeline.presets[0],
        caption=caption,
        fit=options.fit,
        caption_coding=options.caption_coding,
        entropy=options.entropy,
        entropy_steps=options.steps_entropy,
        withheld=withheld,
    )
    watch.lap("compress")
    write_bytes(options.output, stream.to_bytes())
    report = RateReport.from_bitstream(stream, len(original))
    print_json(stream.to_dict() | report.to_dict() | {"seconds": watch.seconds})
