"""The command `info`: print what a `.pcv2` file or a model says of itself."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from percov2_demo.bitstream import Bitstream, Header
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.commands.files import read_stream
from percov2_demo.commands.model import add_model_options
from percov2_demo.commands.output import print_json


HELP = "the fields of a .pcv2 file; without a file, those of the model"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("input", type=Path, nargs="?", metavar="IN.pcv2")
    add_model_options(parser, placement=False)


def run(options: Namespace) -> None:
    """Print all fields of a stream, or of the model, and load only what that needs."""
    if options.input is None:
        from percov2_demo.checkpoints.folders import describe_model

        print_json(describe_model(options.model, options.base))
        return
    coder, data = None, read_stream(options.input)
    if Header.from_bytes(data)[0].version > 1:
        from percov2_demo.checkpoints.damage import damage_as_sentence
        from percov2_demo.checkpoints.folders import model_folder
        from percov2_demo.entropy.payload import EntropyCoder

        folder = model_folder(options.model)
        with damage_as_sentence(folder):
            coder = EntropyCoder.from_pretrained(folder)
    stream = Bitstream.from_bytes(data, coder)
    report = RateReport.from_bitstream(stream)
    print_json(stream.to_dict() | report.to_dict() | {"indices": stream.indices.tolist()})
