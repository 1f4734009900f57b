"""One run of the codec in a session: what went in, what it cost, what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from percov2_demo.bitstream.rates import RateReport
from percov2_demo.sampling.settings import Sampling
from percov2_demo.ui.links import stream_text
from percov2_demo.ui.session.export import finite, json_file


CaptionSource = Literal["auto", "custom", "none", "file"]

DEFAULT_ENTROPY = "default"
"""The choice, among entropy schedules, of the model's best."""


@dataclass(frozen=True)
class Origin:
    """What a stream was made from, as the controls had it.

    Attributes:
        photo: Path of the visitor's file, which gradio deletes when it is old.
        fit: Name of the fit.
        entropy: The choice among entropy schedules.
        withheld: How many groups of indices were not sent.
        target: Position of the slider for the target size; 0 for none.
    """

    photo: str
    fit: str
    entropy: str
    withheld: int
    target: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A finished run. It equals itself alone: gradio (6.31) hashes what is in a state with a `change` event.

    Attributes:
        number: Which of the session's runs it is, from 1.
        job: Number of the first run of its job: those of one job are one photo at several rates.
        name: What the photo's file is called, or the `.pcv2` file, without ending.
        preset: Name of the bitrate preset.
        caption: The text that guided the painting; in a run of a file, not always the file's.
        caption_source: "auto", by the captioner; "custom", by the visitor; "none"; or "file", as a stream says.
        sampling: The decoder's settings.
        stream: The `.pcv2` file.
        fields: What the stream says, as `Bitstream.to_dict` gives it.
        rates: Its bytes, with the size of the original file where there was one.
        metrics: Values by name; None for what could not be measured, and empty where there was no original.
        picture: Path of the painted picture, a PNG file as large as the coded picture.
        original: Path of the photo as the codec saw it, a PNG file of the same size; None in a run of a file.
        thumbnail: Path of the painted picture in small, a PNG file.
        seconds: What the picture took, in Compress and Decode with coding and previews.
        origin: What the stream was made from; None in a run of a file.
        fast: Whether it was painted in the fast mode of the labs.
        note: What became of the file on its way, in words; empty where all of it arrived.
    """

    number: int
    job: int
    name: str
    preset: str
    caption: str
    caption_source: CaptionSource
    sampling: Sampling
    stream: bytes = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    rates: RateReport = field(repr=False)
    metrics: Mapping[str, float | None]
    picture: str
    original: str | None
    thumbnail: str
    seconds: float
    origin: Origin | None = field(default=None, repr=False)
    fast: bool = False
    note: str = ""

    @property
    def photo(self) -> str:
        """What all runs of one photo, fitted in one way, have in common; empty in a run of a file."""
        return self.original or ""

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON holds it: the stream in base64url, no paths, None for numbers that are not finite."""
        return {
            "number": self.number,
            "name": self.name,
            "preset": self.preset,
            "caption": self.caption,
            "caption_source": self.caption_source,
            "sampling": asdict(self.sampling),
            "fast": self.fast,
            "note": self.note,
            "coding": self._coding(),
            "stream": stream_text(self.stream),
            "fields": dict(self.fields),
            "rates": self.rates.to_dict(),
            "metrics": finite(self.metrics),
            "seconds": round(self.seconds, 3),
        }

    def to_json(self) -> bytes:
        """Write `to_dict` as a file."""
        return json_file(self.to_dict())

    def to_row(self) -> dict[str, Any]:
        """Settings, bytes and metrics, as a table's row; columns are called as in a sweep's, see `Outcome.to_row`."""
        return {
            "number": self.number,
            "name": self.name,
            "width": self.fields["width"],
            "height": self.fields["height"],
            "preset": self.preset,
            "caption": self.caption,
            "caption_source": self.caption_source,
            **self._coding(),
            **asdict(self.sampling),
            "fast": self.fast,
            "note": self.note,
            **self.rates.to_row(),
            **finite(self.metrics),
            "seconds": round(self.seconds, 3),
            "model": self.fields["model"],
            "stream": stream_text(self.stream),
        }

    def _coding(self) -> dict[str, Any]:
        """Return entropy schedule and, where a photo was coded, fit and what was withheld."""
        origin = self.origin
        fit = {} if origin is None else {"fit": origin.fit, "withheld": origin.withheld}
        return {"entropy": self.fields["entropy"], **fit}


def next_number(runs: Sequence[Run]) -> int:
    """Return the number of the run after a session's last ones."""
    return runs[-1].number + 1 if runs else 1
