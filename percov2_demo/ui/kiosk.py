"""Kiosk mode: a page that nobody touches starts anew and shows slides, until somebody does."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from percov2_demo.ui.examples import example_photos


KIOSK_SCRIPT = Path(__file__).with_name("kiosk.js")


@dataclass(frozen=True)
class Slide:
    """A photo that is shown.

    Attributes:
        photo: The file.
        caption: What its files say; None leaves that to the model's captioner, where there is one.
    """

    photo: Path
    caption: str | None = None


def example_slides() -> dict[str, Slide]:
    """Return the examples by what they are called, in their order."""
    return {Path(path).stem: Slide(Path(path), caption) for path, caption in example_photos()}


def _all_examples() -> tuple[Slide, ...]:
    return tuple(example_slides().values())


@dataclass(frozen=True)
class Kiosk:
    """When the page does what by itself.

    Attributes:
        idle_seconds: Without a touch, a key or the mouse, until the page starts anew.
        show_seconds: How long a painted picture is compared with its photo.
        patience_seconds: After which a run that has not ended is given up for the next slide.
        slides: What is shown, in this order.
        shuffled: Whether each slide is drawn from them instead.
        painters: Whether the painters on offer take turns, a slide each.
    """

    idle_seconds: float
    show_seconds: float = 12.0
    patience_seconds: float = 120.0
    slides: tuple[Slide, ...] = field(default_factory=_all_examples)
    shuffled: bool = False
    painters: bool = False

    def script(self) -> str:
        """Return JavaScript for the page's start."""
        settings = {
            "idle": self.idle_seconds,
            "show": self.show_seconds,
            "patience": self.patience_seconds,
            "slides": len(self.slides),
            "shuffled": self.shuffled,
            "painters": self.painters,
        }
        return f"() => ({KIOSK_SCRIPT.read_text('utf-8')})({json.dumps(settings)})"
