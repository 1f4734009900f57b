"""The command line: `python -m percov2_demo compress|decompress|info|serve|evaluate|train`.

Results go to stdout as one JSON object, progress to stderr. Heavy modules are imported by the commands that need
them, so that `info` and `--help` answer at once.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from percov2_demo.bitstream import Bitstream
from percov2_demo.images import FITS
from percov2_demo.presets import PRESETS
from percov2_demo.rates import RateReport
from percov2_demo.sampling import Sampling


if TYPE_CHECKING:
    from percov2_demo.pipeline import PerCoV2Pipeline

STAGES = ("autoencoder", "latents", "tokenizer", "hyper", "flow", "strength", "export")


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
    compress.add_argument("--preset", choices=PRESETS, default="ultra-low")
    compress.add_argument("--caption", default="none", help='a text, "none" (default), or "auto" for a captioner\'s')
    compress.add_argument("--caption-coding", choices=("deflate", "zlib"), default="deflate")
    compress.add_argument("--fit", choices=FITS, default="native")
    compress.set_defaults(command=run_compress)

    decompress = commands.add_parser("decompress", help="a .pcv2 file to a picture")
    decompress.add_argument("input", type=Path, metavar="IN.pcv2")
    decompress.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.png", help="written as PNG")
    decompress.set_defaults(command=run_decompress)

    info = commands.add_parser("info", help="the fields of a .pcv2 file")
    info.add_argument("input", type=Path, metavar="IN.pcv2")
    info.set_defaults(command=run_info)

    serve = commands.add_parser("serve", help="the app, as python app.py")
    serve.add_argument("--host", help="address to listen on, 0.0.0.0 for every network; default: this computer only")
    serve.add_argument("--port", type=int, help="port to listen on; default: the first free one from 7860")
    serve.set_defaults(command=run_serve)

    evaluate = commands.add_parser("evaluate", help="rates and metrics over a folder of pictures")
    evaluate.add_argument("input", type=Path, metavar="FOLDER")
    evaluate.add_argument("--out", type=Path, required=True, metavar="DIR")
    evaluate.add_argument("--presets", nargs="+", choices=PRESETS, help="default: all of the model's")
    evaluate.add_argument("--captions", type=Path, metavar="FILE", help='JSON lines with "file" and "caption"')
    evaluate.add_argument("--fit", choices=FITS, default="crop")
    evaluate.set_defaults(command=run_evaluate)

    for command in (decompress, evaluate):
        command.add_argument("--steps", type=int, default=Sampling.steps)
        command.add_argument("--guidance", type=float, default=Sampling.guidance)
        command.add_argument(
            "--strength", type=float, help="noise level at the start, in (0, 1]; default: the model's"
        )
        command.add_argument("--seed", type=int, default=Sampling.seed)

    for command in (compress, decompress, serve, evaluate):
        command.add_argument("--model", help="model folder or hub id; default: the embedded model")
        command.add_argument("--device", default="cpu", help='as torch names them, for instance "cuda"')

    train = commands.add_parser("train", help="one stage of training")
    train.add_argument("stage", choices=STAGES)
    train.add_argument("--config", type=Path, help="default: the embedded model's")
    train.add_argument("--data", type=Path, required=True, help="folder with photos/train-*.tar")
    train.add_argument("--work", type=Path, required=True, help="folder for the results of all stages")
    train.add_argument("--out", type=Path, help="model folder that the export stage writes")
    train.add_argument("--time-budget", type=float, default=600.0, metavar="SECONDS", help="of a stage that trains")
    train.add_argument("--precision", choices=("bf16", "fp16", "no"), default="bf16")
    train.add_argument("--resume", action="store_true")
    train.set_defaults(command=run_train)
    return parser


def run_compress(options: argparse.Namespace) -> None:
    """Writes the stream of a picture and prints its accounting."""
    if options.caption == "auto":
        raise ValueError("this model has no captioner: give a caption, or --caption none")
    _check_output(options.output)
    watch = Stopwatch()
    pipeline = _load_pipeline(options)
    watch.lap("load")
    stream = pipeline.compress(
        options.input,
        preset=options.preset,
        caption="" if options.caption == "none" else options.caption,
        fit=options.fit,
        caption_coding=options.caption_coding,
    )
    watch.lap("compress")
    options.output.write_bytes(stream.to_bytes())
    report = RateReport.from_bitstream(stream, options.input.stat().st_size)
    _print(stream.to_dict() | report.to_dict() | {"seconds": watch.seconds})


def run_decompress(options: argparse.Namespace) -> None:
    """Writes the picture of a stream as PNG."""
    _check_output(options.output)
    stream = Bitstream.from_file(options.input)
    watch = Stopwatch()
    pipeline = _load_pipeline(options)
    watch.lap("load")
    strength = pipeline.default_strength(stream.preset) if options.strength is None else options.strength
    image = pipeline.decompress(
        stream,
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        strength=strength,
        seed=options.seed,
    )
    watch.lap("decompress")
    image.save(options.output, format="PNG")
    sampling = {"steps": options.steps, "guidance": options.guidance, "strength": strength, "seed": options.seed}
    _print(sampling | {"width": image.width, "height": image.height, "seconds": watch.seconds})


def run_info(options: argparse.Namespace) -> None:
    """Prints all fields of a stream; no model is loaded."""
    stream = Bitstream.from_file(options.input)
    report = RateReport.from_bitstream(stream)
    _print(stream.to_dict() | report.to_dict() | {"indices": stream.indices.tolist()})


def run_serve(options: argparse.Namespace) -> None:
    """Serves the app until it is stopped."""
    from percov2_demo.ui.demo import build_demo, launch_options

    demo = build_demo(_load_pipeline(options))
    demo.launch(server_name=options.host, server_port=options.port, **launch_options())


def run_evaluate(options: argparse.Namespace) -> None:
    """Measures the codec on a folder of pictures."""
    from percov2_demo.evaluation import evaluate

    pipeline = _load_pipeline(options)
    pipeline.set_progress_bar_config(disable=True)
    sampling = Sampling(options.steps, options.guidance, options.strength, options.seed)
    presets = options.presets or pipeline.presets
    _print(evaluate(pipeline, options.input, options.out, presets, options.captions, options.fit, sampling))


def run_train(options: argparse.Namespace) -> None:
    """Runs one stage of training."""
    from percov2_demo.training.stages import EMBEDDED_CONFIG, Stages, read_config

    config = read_config(options.config or EMBEDDED_CONFIG)
    stages = Stages(config, options.data, options.work, options.precision)
    if options.stage != "export":
        stages.run(options.stage, options.time_budget, options.resume)
    elif options.out is None:
        raise ValueError("the export stage needs --out, the model folder to write")
    else:
        stages.export(options.out)


def _load_pipeline(options: argparse.Namespace) -> "PerCoV2Pipeline":
    # The libraries' notices are for developers; a command's stderr carries progress and its one error line.
    warnings.filterwarnings("ignore")
    import diffusers
    import transformers

    from percov2_demo.pipeline import PerCoV2Pipeline

    for library in (diffusers, transformers):
        library.logging.set_verbosity_error()
        library.logging.disable_progress_bar()
    pipeline = PerCoV2Pipeline.from_pretrained(options.model)
    try:
        pipeline.to(options.device)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"the device {options.device} cannot be used: {_one_line(error)}") from error
    pipeline.set_progress_bar_config(disable=not sys.stderr.isatty(), file=sys.stderr)
    return pipeline


def _check_output(path: Path) -> None:
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
