"""Kiosk mode: a page that nobody touches starts anew and shows the examples, until somebody does."""

import json
from dataclasses import dataclass
from pathlib import Path


KIOSK_SCRIPT = Path(__file__).with_name("kiosk.js")


@dataclass(frozen=True)
class Kiosk:
    """When the page does what by itself.

    Attributes:
        idle_seconds: Without a touch, a key or the mouse, until the page starts anew.
        show_seconds: How long a painted picture is compared with its photo.
        patience_seconds: After which a run that has not ended is given up for the next example.
    """

    idle_seconds: float
    show_seconds: float = 12.0
    patience_seconds: float = 120.0

    def script(self) -> str:
        """Return JavaScript for the page's start."""
        seconds = {"idle": self.idle_seconds, "show": self.show_seconds, "patience": self.patience_seconds}
        return f"() => ({KIOSK_SCRIPT.read_text('utf-8')})({json.dumps(seconds)})"
