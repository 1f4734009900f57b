"""The command `compress`: turn a picture into a `.pcv2` file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from percov2_demo.bitstream import SCHEDULES, Bitstream, Withheld
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.commands.files import check_output, read_picture
from percov2_demo.commands.model import CAPTION_DEFAULT, add_model_options, default_caption, load_model
from percov2_demo.commands.output import Stopwatch, print_json
from percov2_demo.errors import InputError
from percov2_demo.files.atomic import write_bytes
from percov2_demo.images import FITS, fit_image, load_image
from percov2_demo.presets import PRESETS


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

HELP = "a picture to a .pcv2 file"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, metavar="IN", help="the picture")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.pcv2")
    parser.add_argument("--preset", choices=PRESETS, help="default: the model's lowest")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--bytes", type=int, metavar="N", help="refine as far as a file of so many bytes goes")
    target.add_argument("--bpp", type=float, metavar="RATE", help="the same in bits per pixel of the coded picture")
    target.add_argument("--psnr", type=float, metavar="DB", help="refine until the picture has this PSNR")
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
    coding = {
        "caption_coding": options.caption_coding,
        "entropy": options.entropy,
        "entropy_steps": options.steps_entropy,
        "withheld": withheld,
    }
    has_target = any(target is not None for target in (options.bytes, options.bpp, options.psnr))
    if has_target and any(value is not None for value in coding.values()):
        raise InputError("a file of a target size has the preset's own coding: leave out the options of the coding")
    watch = Stopwatch()
    pipeline = load_model(options)
    watch.lap("load")
    caption = options.caption or default_caption(options)
    if caption == "none":
        caption = ""
    elif caption == "auto":
        # The caption is of the part that is coded, which need not be the whole picture.
        caption = pipeline.caption(fit_image(image, options.fit, pipeline.max_side))
        watch.lap("caption")
    if has_target:
        stream = _compress_to_target(pipeline, image, caption, options)
    else:
        preset = options.preset or pipeline.presets[0]
        stream = pipeline.compress(image, preset=preset, caption=caption, fit=options.fit, **coding)
    watch.lap("compress")
    write_bytes(options.output, stream.to_bytes())
    report = RateReport.from_bitstream(stream, len(original))
    print_json(stream.to_dict() | report.to_dict() | {"seconds": watch.seconds})


def _compress_to_target(pipeline: "Codec", image: Image.Image, caption: str, options: Namespace) -> Bitstream:
    from percov2_demo.pipelines.target import AnyRate

    picture = AnyRate(pipeline, image, caption, options.fit)
    if options.psnr is not None:
        return picture.to_reach(options.psnr)
    pixels = picture.image.width * picture.image.height
    size = options.bytes if options.bpp is None else int(options.bpp * pixels / 8)
    return picture.at_most(size, options.preset)
