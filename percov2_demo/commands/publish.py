"""The command `publish`: upload the app as a Space of the Hugging Face hub."""

from argparse import ArgumentParser, Namespace

from percov2_demo.commands.model import CAPTIONERS_METAVAR
from percov2_demo.commands.output import print_json
from percov2_demo.hub.hardware import HARDWARE


HELP = "the app as a Space on the Hugging Face hub"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--space", required=True, metavar="USER/NAME")
    parser.add_argument("--hardware", choices=HARDWARE, default=next(iter(HARDWARE)))
    parser.add_argument("--model", help="hub id of the model that it serves; default: the embedded model")
    parser.add_argument("--base", help="hub id of an adapter's base; default: as the adapter says")
    parser.add_argument("--captioner", metavar=CAPTIONERS_METAVAR, help="who writes captions; default: embedded")
    parser.add_argument("--painter", metavar="ID", help="hub id of a public model that paints, see `painters`")
    parser.add_argument("--tiny-autoencoder", action="store_true", help="for that painter, on a CPU")
    parser.add_argument("--private", action="store_true", help="a Space that only you can see")
    parser.add_argument("--update", action="store_true", help="replace files and variables of a Space that is there")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be uploaded; needs no network")


def run(options: Namespace) -> None:
    """Upload the app as a Space, or say what would be uploaded."""
    from percov2_demo.hub.publish_space import publish

    served = (options.model, options.base, options.captioner)
    asked = (options.private, options.update, options.dry_run, options.painter, options.tiny_autoencoder)
    print_json(publish(options.space, options.hardware, *served, *asked))
