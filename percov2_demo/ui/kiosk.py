"""Kiosk mode: a page that nobody touches starts anew and shows the examples, until somebody does."""

import json
from dataclasses import dataclass
from pathlib import Path

from percov2_demo.ui.examples import EXAMPLE_NAMES


KIOSK_SCRIPT = Path(__file__).with_name("kiosk.js")


@dataclass(frozen=True)
class Kiosk:
    """When the page does what by itself.

    Attributes:
        idle_seconds: Without a touch, a key or the mouse, until the page starts anew.
        show_seconds: How long a painted picture is compared with its photo.
        patience_seconds: After which a run that has not ended is given up for the next example.
        slides: Names of the examples that are shown, in their order, of `EXAMPLE_NAMES`.
        shuffled: Whether each example is drawn from them instead.
        painters: Whether the painters on offer take turns, an example each.
    """

    idle_seconds: float
    show_seconds: float = 12.0
    patience_seconds: float = 120.0
    slides: tuple[str, ...] = EXAMPLE_NAMES
    shuffled: bool = False
    painters: bool = False

    def script(self) -> str:
        """Return JavaScript for the page's start."""
        settings = {
            "idle": self.idle_seconds,
            "show": self.show_seconds,
            "patience": self.patience_seconds,
            "slides": [EXAMPLE_NAMES.index(name) for name in self.slides],
            "shuffled": self.shuffled,
            "painters": self.painters,
        }
        return f"() => ({KIOSK_SCRIPT.read_text('utf-8')})({json.dumps(settings)})"
