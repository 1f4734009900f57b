"""The command line: `python -m percov2_demo COMMAND`, with `--help` for the commands.

Results go to stdout as one JSON object, captions as lines, progress to stderr. Heavy modules are imported by the
commands that need them, so that `info` and `--help` answer at once.
"""

import argparse
import json
import logging
import math
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from itertools import product, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from percov2_demo.bitstream import HEAD_BYTES, SCHEDULES, Bitstream, Header, Withheld
from percov2_demo.images import FITS, fit_image, load_image
from percov2_demo.losses import draw_lost
from percov2_demo.memory import PLANS
from percov2_demo.presets import PRESETS
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling
from percov2_demo.training.stage_names import STAGES


if TYPE_CHECKING:
    from percov2_demo.codec_pipeline import CodecPipeline

SPACE_HARDWARE = ("cpu-basic", "zero-gpu")
CAPTIONER_NAMES = "embedded|blip2|none|ID"
LEARNED = ("lpips", "clip", "fid")
CAPTION_DEFAULT = 'default: "auto" with --captioner, else "none"'
STRENGTH_HELP = "noise level at the start, from 0 (the hyper-decoder's estimate) to 1; default: the model's"
STEPS_HELP = "steps of the sampler; default: the model's"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, as those of the commands are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


class Stopwatch:
    """Seconds of named parts of a command, in the order they were measured."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Books the time since the last lap under `name`."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 3)
        self._last = now


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code, 2 for a failure that is reported in one line on stderr."""
    options = build_parser().parse_args(arguments)
    try:
        options.command(options)
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return 2
    except Exception as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 2
    return 0


def build_parser() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="python -m percov2_demo", description="Perceptual image compression to about 100 bytes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    compress = commands.add_parser("compress", help="a picture to a .pcv2 file")
    compress.add_argument("input", type=Path, metavar="IN", help="the picture")
    compress.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.pcv2")
    compress.add_argument("--preset", choices=PRESETS, help="default: the model's lowest")
    compress.add_argument("--caption", help=f'a text, "none", or "auto" for the captioner\'s; {CAPTION_DEFAULT}')
    compress.add_argument(
        "--caption-coding", choices=("deflate", "zlib"), help="without entropy models; default: the shortest"
    )
    compress.add_argument("--entropy", choices=SCHEDULES, help="coding of the indices; default: the preset's best")
    compress.add_argument("--steps-entropy", type=int, metavar="S", help="of qlds; default: 5 up to 8x8, else 12")
    compress.add_argument("--send-groups", type=int, metavar="K", help="groups of indices sent; default: all")
    compress.add_argument("--fill-seed", type=int, default=0, help="of the groups that are not sent, 0 to 255")
    compress.add_argument("--fill-temperature", type=float, default=1.0, help="of the groups that are not sent")
    compress.add_argument("--fit", choices=FITS, default="native")
    compress.set_defaults(command=run_compress)

    decompress = commands.add_parser("decompress", help="a .pcv2 file to a picture")
    decompress.add_argument("input", type=Path, metavar="IN.pcv2")
    decompress.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png", help="written as PNG")
    decompress.set_defaults(command=run_decompress)

    info = commands.add_parser("info", help="the fields of a .pcv2 file; without a file, those of the model")
    info.add_argument("input", type=Path, nargs="?", metavar="IN.pcv2")
    info.set_defaults(command=run_info)

    caption = commands.add_parser("caption", help="what is on pictures, a line for each")
    caption.add_argument("input", type=Path, nargs="+", metavar="PHOTO", help="with -o also folders and tar shards")
    caption.add_argument("-o", "--output", type=Path, metavar="OUT.jsonl", help='JSON lines of "file" and "caption"')
    caption.add_argument("--batch-size", type=int, default=16, help="pictures at once, with -o")
    caption.set_defaults(command=run_caption)

    serve = commands.add_parser("serve", help="the app, as python app.py")
    serve.add_argument("--host", help="address to listen on, 0.0.0.0 for every network; default: this computer only")
    serve.add_argument("--port", type=int, help="port to listen on; default: the first free one from 7860")
    serve.add_argument(
        "--kiosk",
        nargs="?",
        type=seconds,
        const=60.0,
        metavar="SECONDS",
        help="show the examples whenever nobody has touched the page for so long; default: 60",
    )
    serve.set_defaults(command=run_serve)

    evaluate = commands.add_parser("evaluate", help="rates and metrics over a folder of pictures")
    evaluate.add_argument("input", type=Path, metavar="FOLDER")
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR")
    evaluate.add_argument("--presets", nargs="+", choices=PRESETS, help="default: all of the model's")
    evaluate.add_argument(
        "--entropy", nargs="+", type=coding, default=["default"], help=f"default, qlds:S, {', '.join(SCHEDULES)}"
    )
    evaluate.add_argument("--steps", nargs="+", type=int, help=STEPS_HELP)
    evaluate.add_argument("--guidance", nargs="+", type=float, default=[Sampling.guidance])
    evaluate.add_argument(
        "--strength", nargs="+", type=strength, default=[None], help=f'{STRENGTH_HELP}, also by the word "default"'
    )
    evaluate.add_argument("--seeds", nargs="+", type=int, default=[Sampling.seed], help="what is averaged over")
    evaluate.add_argument(
        "--captions", metavar="FILE|auto|none", help=f'JSON lines with "file" and "caption"; {CAPTION_DEFAULT}'
    )
    evaluate.add_argument("--fit", choices=FITS, default="crop")
    evaluate.add_argument(
        "--baselines", nargs="+", default=["all"], metavar="CODEC", help='classical codecs, "all" (default) or "none"'
    )
    evaluate.add_argument(
        "--learned", nargs="+", choices=LEARNED, default=[], help="metrics with weights of their own, from the hub"
    )
    evaluate.add_argument("--dataset", help="name of the pictures in the results; default: the folder's")
    evaluate.set_defaults(command=run_evaluate)

    bench = commands.add_parser("bench", help="how long each part takes, also beside the plain diffusers loop")
    bench.add_argument("input", type=Path, nargs="?", metavar="PHOTO", help="default: a drawn picture of 512x512")
    bench.add_argument("--repeats", type=int, default=5, help="rounds that medians are taken of")
    bench.add_argument("--scale", action="store_true", help="how the cost grows, in place of the parts")
    bench.add_argument("--variants", action="store_true", help="also in bfloat16 and compiled, which takes minutes")
    bench.add_argument("--json", action="store_true", help="one JSON object in place of the table")
    bench.set_defaults(command=run_bench)

    decompress.add_argument("--steps", type=int, help=STEPS_HELP)
    decompress.add_argument("--guidance", type=float, default=Sampling.guidance)
    decompress.add_argument("--strength", type=float, help=STRENGTH_HELP)
    decompress.add_argument("--seed", type=int, default=Sampling.seed)
    decompress.add_argument(
        "--fast", action="store_true", help="half the sampler's work or less, for a slightly different picture"
    )
    decompress.add_argument("--lose", type=float, metavar="SHARE", help="of indices, filled in by the entropy model")
    decompress.add_argument("--lose-seed", type=int, default=0, help="chooses which are lost, and how they are filled")

    for command in (compress, decompress, info, caption, serve, evaluate, bench):
        command.add_argument(
            "--model",
            default=os.environ.get("PERCOV2_MODEL") or None,
            help="model or adapter, a folder or hub id; default: the variable PERCOV2_MODEL, or else the embedded one",
        )
        command.add_argument(
            "--base",
            default=os.environ.get("PERCOV2_BASE") or None,
            help="folder or hub id of an adapter's base; default: the variable PERCOV2_BASE, or else as it says",
        )
    for command in (compress, decompress, caption, serve, evaluate, bench):
        command.add_argument(
            "--device",
            default=os.environ.get("PERCOV2_DEVICE") or "cpu",
            help='as torch names them, for instance "cuda"; default: the variable PERCOV2_DEVICE, or else the CPU',
        )
        command.add_argument(
            "--memory",
            choices=PLANS,
            default=os.environ.get("PERCOV2_MEMORY") or None,
            help="what saves memory; default: the variable PERCOV2_MEMORY, or else max, which saves none",
        )
    for command in (compress, caption, serve, evaluate):
        command.add_argument(
            "--captioner",
            metavar=CAPTIONER_NAMES,
            default=os.environ.get("PERCOV2_CAPTIONER") or None,
            help="who writes captions; default: the variable PERCOV2_CAPTIONER, or else embedded, the model's own",
        )

    convert = commands.add_parser("convert-perco", help="a published PerCo (SD) checkpoint to a model folder")
    convert.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="folder with unet and hyper_enc")
    convert.add_argument(
        "--base", metavar="MODEL", help="Stable Diffusion 2.1, folder or hub id; for parts that CHECKPOINT lacks"
    )
    convert.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    convert.set_defaults(command=run_convert_perco)

    train = commands.add_parser("train", help="stages of training, one after the other")
    train.add_argument("stages", choices=STAGES, nargs="+", metavar="STAGE", help=", ".join(STAGES))
    train.add_argument("--config", type=Path, help="default: the embedded model's")
    train.add_argument("--data", type=Path, required=True, help="folder with photos/train-*.tar")
    train.add_argument("--work", type=Path, required=True, help="folder for the results of all stages")
    train.add_argument("--model", help="model folder to go on from; default: that of --work")
    train.add_argument("--out", type=Path, help="folder that the stages export and results write")
    train.add_argument("--time-budget", type=float, default=600.0, metavar="SECONDS", help="of a stage that trains")
    train.add_argument(
        "--precision", choices=("bf16", "fp16", "no"), help="default: accelerate launch's, without it bf16"
    )
    train.add_argument("--resume", action="store_true")
    train.add_argument("--push", metavar="USER/NAME", help="hub repository that what was exported is uploaded to")
    train.add_argument("--dry-run", action="store_true", help="say what --push would upload")
    train.set_defaults(command=run_train)

    publish = commands.add_parser("publish", help="the app as a Space on the Hugging Face hub")
    publish.add_argument("--space", required=True, metavar="USER/NAME")
    publish.add_argument("--hardware", choices=SPACE_HARDWARE, default=SPACE_HARDWARE[0])
    publish.add_argument("--model", help="hub id of the model that it serves; default: the embedded model")
    publish.add_argument("--base", help="hub id of an adapter's base; default: as the adapter says")
    publish.add_argument("--captioner", metavar=CAPTIONER_NAMES, help="who writes captions; default: embedded")
    publish.add_argument("--private", action="store_true", help="a Space that nobody else sees")
    publish.add_argument("--update", action="store_true", help="replace files and variables of a Space that is there")
    publish.add_argument("--dry-run", action="store_true", help="only say what would be uploaded; needs no network")
    publish.set_defaults(command=run_publish)
    return parser


def strength(text: str) -> float | None:
    """A strength from the command line; None is the model's own."""
    try:
        return None if text == "default" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text} is neither a number from 0 to 1 nor "default"') from None


def seconds(text: str) -> float:
    """A time from the command line, more than 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0")
    return value


def coding(text: str) -> str:
    """A coding of the indices from the command line: a name, "default", or "qlds:" and a number of steps."""
    name, _, steps = text.partition(":")
    valid = name in (*SCHEDULES, "default") if text == name else name == "qlds" and steps in map(str, range(1, 33))
    if not valid:
        names = ", ".join(SCHEDULES)
        raise argparse.ArgumentTypeError(f"{text} is none of default, {names}, or qlds:S with S from 1 to 32")
    return text


def run_compress(options: argparse.Namespace) -> None:
    """Writes the stream of a picture and prints its accounting."""
    _check_output(options.output)
    withheld = None
    if options.send_groups is not None:
        withheld = Withheld(options.send_groups, options.fill_seed, options.fill_temperature)
    watch = Stopwatch()
    pipeline = _load_pipeline(options)
    watch.lap("load")
    image = load_image(options.input)
    caption = options.caption or _default_caption(options)
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
    options.output.write_bytes(stream.to_bytes())
    report = RateReport.from_bitstream(stream, options.input.stat().st_size)
    _print(stream.to_dict() | report.to_dict() | {"seconds": watch.seconds})


def run_decompress(options: argparse.Namespace) -> None:
    """Writes the picture of a stream as PNG."""
    _check_output(options.output)
    _check_readable(options.input)
    watch = Stopwatch()
    pipeline = _load_pipeline(options)
    watch.lap("load")
    stream = pipeline.read(options.input)
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
    image.save(options.output, format="PNG")
    sampling = {"steps": steps, "guidance": options.guidance, "strength": strength, "seed": options.seed}
    sampling["fast"] = options.fast
    _print(sampling | {"width": image.width, "height": image.height, "seconds": watch.seconds})


def run_info(options: argparse.Namespace) -> None:
    """Prints all fields of a stream, or of the model; of it no more is loaded than that takes."""
    if options.input is None:
        from percov2_demo.loading import describe_model

        _print(describe_model(options.model, options.base))
        return
    coder = None
    if _check_readable(options.input).version > 1:
        from percov2_demo.entropy.payload import EntropyCoder
        from percov2_demo.errors import damage_as_sentence
        from percov2_demo.loading import model_folder

        folder = model_folder(options.model)
        with damage_as_sentence(folder):
            coder = EntropyCoder.from_pretrained(folder)
    stream = Bitstream.from_file(options.input, coder)
    report = RateReport.from_bitstream(stream)
    _print(stream.to_dict() | report.to_dict() | {"indices": stream.indices.tolist()})


def run_caption(options: argparse.Namespace) -> None:
    """Prints a caption of each picture, or writes them to a file."""
    if options.output is None:
        for path in options.input:
            if path.is_dir() or path.suffix == ".tar":
                raise ValueError(f"{path} is no picture: name a file for the captions of many with -o")
        pipeline = _load_pipeline(options)
        for path in options.input:
            print(pipeline.caption(path), flush=True)
        return
    from percov2_demo.evaluation import join_processes
    from percov2_demo.training.captions import open_pictures, write_captions

    _check_output(options.output)
    options.device = join_processes(options.device)
    pictures = open_pictures(options.input)
    written = write_captions(_load_pipeline(options).captions, pictures, options.output, options.batch_size)
    if written is not None:
        _print(written)


def run_serve(options: argparse.Namespace) -> None:
    """Serves the app until it is stopped."""
    from percov2_demo.ui.cleaning import visitors_folder

    # Before the model, because on a ZeroGPU Space it imports a package that must come before torch finds a GPU.
    from percov2_demo.ui.demo import build_demo, launch_options
    from percov2_demo.ui.kiosk import Kiosk

    pipeline = _load_pipeline(options)
    kiosk = None if options.kiosk is None else Kiosk(options.kiosk)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), visitors_folder():
        demo = build_demo(pipeline, kiosk)
        try:
            demo.launch(
                server_name=options.host, server_port=options.port, prevent_thread_lock=True, **launch_options()
            )
        except OSError as error:
            place = f"port {options.port}" if options.port else "any of the usual ports"
            raise ValueError(
                f"the app cannot be served at {place}: another program uses it, or the address is not this computer's"
            ) from error
        while True:
            time.sleep(3600)
    # A picture that is being painted would be waited for, and nobody gets it.
    sys.stdout.flush()
    os._exit(0)


def run_evaluate(options: argparse.Namespace) -> None:
    """Measures the codec on a folder of pictures."""
    from percov2_demo.evaluation import (
        Protocol,
        choose_codecs,
        describe_pictures,
        distinct_samplings,
        evaluate,
        join_processes,
        list_pictures,
    )

    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"{options.out} is a file: name a folder for the results")
    options.device = join_processes(options.device)
    source = options.captions or _default_caption(options)
    captions = None if source in ("auto", "none") else Path(source)
    pipeline = _load_pipeline(options)
    pipeline.set_progress_bar_config(disable=True)
    pictures = list_pictures(options.input, captions, options.fit, pipeline.max_side)
    if source == "auto":
        pictures = describe_pictures(pictures, pipeline.caption)
    steps = options.steps or [pipeline.default_steps]
    samplings = product(steps, options.guidance, options.strength, options.seeds)
    protocol = Protocol(
        presets=tuple(options.presets or pipeline.presets),
        entropies=tuple(options.entropy),
        samplings=distinct_samplings(starmap(Sampling, samplings)),
        fit=options.fit,
        captions=captions.name if captions else source,
        baselines=choose_codecs(options.baselines),
        learned=tuple(options.learned),
        dataset=options.dataset or options.input.resolve().name,
    )
    for sampling in protocol.samplings:
        pipeline.check_sampling(sampling)
    summary = evaluate(pipeline, pictures, protocol, options.out)
    if summary is not None:
        _print(summary)


def run_bench(options: argparse.Namespace) -> None:
    """Measures how long each part takes."""
    from PIL import Image

    if options.repeats < 1:
        raise ValueError("the number of rounds must be at least 1")
    photo = load_image(options.input) if options.input else Image.effect_mandelbrot((512, 512), (-2, -1, 1, 1), 100)
    watch = Stopwatch()
    pipeline = _load_pipeline(options)
    watch.lap("imports and load")
    from percov2_demo.bench import bench, scale, scale_table, table
    from percov2_demo.pipeline import PerCoV2Pipeline

    if not isinstance(pipeline, PerCoV2Pipeline):
        raise ValueError("the bench compares with Stable Diffusion 3's loop: name a PerCoV2 model")
    pipeline.set_progress_bar_config(disable=True)
    if options.scale:
        result, lines = scale(pipeline, photo.convert("RGB"), options.repeats), scale_table
    else:
        result, lines = bench(pipeline, photo.convert("RGB"), options.repeats, variants=options.variants), table
        result["parts"] = watch.seconds | result["parts"]
    if options.json:
        _print(result)
    else:
        print(lines(result))


def run_convert_perco(options: argparse.Namespace) -> None:
    """Writes the model folder of a published checkpoint and prints what it is."""
    if options.output.exists() and (not options.output.is_dir() or any(options.output.iterdir())):
        raise ValueError(f"{options.output} exists already: name a new folder")
    _quieten_libraries()
    from percov2_demo.perco_checkpoint import read_perco_checkpoint

    pipeline = read_perco_checkpoint(options.checkpoint, options.base)
    pipeline.save_pretrained(options.output)
    _print({"model": str(options.output), "presets": list(pipeline.presets), "identity": pipeline.identity})


def run_train(options: argparse.Namespace) -> None:
    """Runs stages of training."""
    _quieten_libraries()
    from percov2_demo.training.full_size import FullSize
    from percov2_demo.training.recipe import read_config
    from percov2_demo.training.stages import EMBEDDED_CONFIG, Stages

    if options.push:
        # Before hours of training.
        from percov2_demo.hub_answers import check_name

        check_name(options.push, "a model")
    config = read_config(options.config or EMBEDDED_CONFIG)
    recipe = (FullSize if "base" in config else Stages)(
        config, options.data, options.work, options.precision, options.model
    )
    for stage in options.stages:
        if stage not in ("export", "results"):
            recipe.run(stage, options.time_budget, options.resume)
        elif options.out is None:
            raise ValueError(f"the {stage} stage needs --out, the folder to write")
        elif recipe.accelerator.is_main_process:
            (recipe.export if stage == "export" else recipe.results)(options.out)
    if options.push and recipe.accelerator.is_main_process:
        from percov2_demo.training.push import push

        _print(push(options.out, options.push, options.dry_run))


def run_publish(options: argparse.Namespace) -> None:
    """Uploads the app as a Space, or says what would be uploaded."""
    from percov2_demo.publishing import publish

    served = (options.model, options.base, options.captioner)
    _print(publish(options.space, options.hardware, *served, options.private, options.update, options.dry_run))


def _quieten_libraries() -> None:
    """The libraries' notices are for developers; a command's stderr carries progress and its one error line."""
    warnings.filterwarnings("ignore")
    # What torchao says of its own files when diffusers looks for it.
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.logging.set_verbosity_error()
        library.logging.disable_progress_bar()


def _load_pipeline(options: argparse.Namespace) -> "CodecPipeline":
    _quieten_libraries()
    from percov2_demo.loading import load_pipeline

    pipeline = load_pipeline(options.model, memory=options.memory, device=options.device, base=options.base)
    ignored = pipeline.placement.plan.ignored_on(pipeline.placement.device)
    if ignored is not None:
        print(f"note: {ignored}", file=sys.stderr)
    if getattr(options, "captioner", None) is not None:
        pipeline.use_captioner(options.captioner)
    pipeline.set_progress_bar_config(disable=not sys.stderr.isatty(), file=sys.stderr)
    return pipeline


def _default_caption(options: argparse.Namespace) -> str:
    return "none" if options.captioner in (None, "none") else "auto"


def _check_readable(path: Path) -> Header:
    """The head of a stream; a file that is none is refused before a model is loaded."""
    with path.open("rb") as file:
        return Header.from_bytes(file.read(HEAD_BYTES))[0]


def _check_output(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file")
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist: create it first")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    # A message may go on with advice for programmers; its first paragraph says what is wrong.
    paragraph = str(error).strip().partition("\n\n")[0]
    return " ".join(paragraph.split()) or type(error).__name__


def _print(result: dict[str, Any]) -> None:
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.exit(main())
