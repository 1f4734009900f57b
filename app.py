"""Starts the PerCoV2 Explorer in the browser: `python app.py`."""

import argparse

from percov2_demo import PerCoV2Pipeline
from percov2_demo.ui.demo import build_demo, launch_options


def main() -> None:
    """Loads the embedded model and serves the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="address to listen on, 0.0.0.0 for every network (default: this computer only)")
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    arguments = parser.parse_args()

    demo = build_demo(PerCoV2Pipeline.from_pretrained())
    demo.launch(server_name=arguments.host, server_port=arguments.port, **launch_options())


if __name__ == "__main__":
    main()
