"""The command `serve`: serve the app until it is stopped."""

import math
import os
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from percov2_demo.commands.model import add_model_options, add_painter_options, check_docstrings, load_model
from percov2_demo.errors import InputError, PerCoError


if TYPE_CHECKING:
    import gradio as gr

    from percov2_demo.painters.offer import Painters
    from percov2_demo.ui.kiosk import Kiosk

HELP = "the app, as python app.py"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add_address_options(parser)
    parser.add_argument(
        "--kiosk",
        nargs="?",
        type=seconds,
        const=60.0,
        metavar="SECONDS",
        help="show slides when nobody has touched the page for so many seconds; default: 60",
    )
    parser.add_argument(
        "--kiosk-seconds",
        type=seconds,
        default=12.0,
        metavar="SECONDS",
        help="how long each picture is shown there; default: 12",
    )
    parser.add_argument(
        "--kiosk-slides",
        nargs="+",
        metavar="SLIDE",
        help="what is shown there, in this order: pictures, folders of pictures, and the examples tower, cheetah, "
        "lion, cheetah1 by name; default: the examples",
    )
    parser.add_argument("--kiosk-shuffle", action="store_true", help="draw each slide there at random")
    parser.add_argument(
        "--kiosk-painters", action="store_true", help="let the painters on offer take turns there, see --painter"
    )
    parser.add_argument(
        "--public-url",
        type=public_url,
        metavar="URL",
        help="where others reach the page, for links and QR codes; default: wherever the visitor does",
    )
    add_model_options(parser, captioner=True)
    add_painter_options(parser, several=True)


def add_address_options(parser: ArgumentParser) -> None:
    """Add the options of where a page is served."""
    parser.add_argument("--host", help="address to listen on, 0.0.0.0 for every network; default: this computer only")
    parser.add_argument(
        "--port", type=port, help="port to listen on, 0 for any free one; default: the first free one from 7860"
    )


def seconds(text: str) -> float:
    """Parse a time of the command line, more than 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"{text} is no number of seconds above 0")
    return value


def port(text: str) -> int:
    """Return a port from the command line, 0 for any."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ArgumentTypeError(f"{text} is no port: name one from 0 to 65535")
    return int(text)


def public_url(text: str) -> str:
    """Parse an address of the command line, http or https with a host, to end in a slash where it has no path."""
    try:
        address = urlsplit(text)
        is_good = address.scheme in ("http", "https") and address.hostname and not (address.query or address.fragment)
    except ValueError:
        is_good = False
    if not is_good:
        raise ArgumentTypeError(f"{text} is no address such as https://example.org/percov2/")
    return text if address.path else f"{text}/"


def run(options: Namespace) -> None:
    """Serve the app until it is stopped."""
    host = import_gradio()
    kiosk = None if options.kiosk is None else _kiosk(options)
    pipeline = load_model(options)
    if options.kiosk_painters and len(pipeline.painters.names) < 2:
        raise InputError("there is one painter alone to take turns: offer another with --painter")
    if os.environ.get("SPACES_ZERO_GPU"):
        # A worker of ZeroGPU forgets what it loads, so the painter is loaded before the first one is forked.
        load_first_painter(pipeline.painters)
    from percov2_demo.ui.demo import build_demo

    serve_until_stopped(lambda: build_demo(pipeline, kiosk, options.public_url), options.host or host, options.port)


def load_first_painter(painters: "Painters") -> None:
    """Load the first of the offered painters; where it cannot be used, say so and go on with the model's own."""
    for name in painters.names[1:2]:
        try:
            painters.find(name)
        except PerCoError as error:
            print(f"The app starts without the painter {name}: {error}", file=sys.stderr)


def _kiosk(options: Namespace) -> "Kiosk":
    from percov2_demo.commands.slides import find_slides
    from percov2_demo.ui.kiosk import Kiosk, example_slides

    return Kiosk(
        options.kiosk,
        options.kiosk_seconds,
        slides=find_slides(options.kiosk_slides or list(example_slides())),
        shuffled=options.kiosk_shuffle,
        painters=options.kiosk_painters,
    )


def import_gradio() -> str | None:
    """Import what pages are made with, and return the host that the environment names.

    Raises:
        InputError: Python runs without docstrings.
    """
    check_docstrings()
    # gradio (6.31) looks for free ports with this variable too, and finds none for an address of IPv6.
    host = os.environ.pop("GRADIO_SERVER_NAME", None)
    from percov2_demo.ui.server.address import without_proxies

    # gradio makes clients when it is imported, and stops at a proxy of a scheme that it does not know.
    with without_proxies():
        # Before the model, because on a ZeroGPU Space it imports a package that must come before torch finds a GPU.
        import percov2_demo.ui.demo  # noqa: F401
        from percov2_demo.ui.server.heap import share_heaps

    share_heaps()
    return host


def serve_until_stopped(build: Callable[[], "gr.Blocks"], host: str | None, port: int | None) -> None:
    """Serve a page until it is stopped; `import_gradio` comes before.

    Args:
        build: Lays the page out.
        host: The address to listen on; None for this computer only.
        port: The port to listen on, 0 for any free one; None for the first free one from 7860.

    Raises:
        InputError: The address cannot be listened on.
    """
    from percov2_demo.ui.demo import launch_options
    from percov2_demo.ui.server.address import address, without_proxies
    from percov2_demo.ui.server.cleaning import visitors_folder

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), without_proxies(), visitors_folder():
        demo = build()
        try:
            name, number = address(host, port)
            demo.launch(server_name=name, server_port=number, prevent_thread_lock=True, **launch_options())
        except OSError as error:
            place = f"port {port}" if port else "any free port"
            raise InputError(
                f"the app cannot be served at {place}: another program uses it, or the address is not this computer's"
            ) from error
        while True:
            time.sleep(3600)
    # Without this the server would finish the picture that is being painted.
    sys.stdout.flush()
    os._exit(0)
