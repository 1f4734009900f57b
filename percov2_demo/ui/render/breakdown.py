"""What a file says, and what its bytes are spent on."""

from collections.abc import Iterable

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import Preset, get_preset
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.templates import render


_PARTS = {
    "spatial": "Spatial: the tokens",
    "caption": "Caption",
    "refinement": "Refinement: chosen noise",
    "container": "Container: header and check",
}


def breakdown_html(report: RateReport, preset: Preset) -> str:
    """Return the bytes of a stream by part: a stacked bar beside what the papers state for its preset, and numbers.

    The bars have one scale; the papers' files are of a picture of this size.
    """
    published = [(rate, rate.bpp * report.pixels / 8) for rate in preset.published]
    return render(
        "render/breakdown.html",
        report=report,
        parts={name: size for name, size in report.parts._asdict().items() if size},
        names=_PARTS,
        published=published,
        longest=max([report.file_bytes, *(size for _, size in published)]),
    )


def breakdown_summary(report: RateReport) -> str:
    """Say what the bytes are spent on in one line."""
    parts = {
        "for tokens": report.spatial_bytes,
        "for the caption": report.caption_bytes,
        "for refinement": report.refinement_bytes,
        "for the header": report.container_bytes,
    }
    told = ", ".join(f"{size:,} {name}" for name, size in parts.items() if size)
    return f"{format_size(report.file_bytes)}: {told}"


def fields_html(fields: Iterable[tuple[str, str]]) -> str:
    """Return names and values as a description list, where there is room in columns."""
    return render("render/fields.html", fields=fields)


def stream_fields(stream: Bitstream, size: int) -> list[tuple[str, str]]:
    """Return names and values of what a stream says, for `fields_html`; `size` is the file's in bytes."""
    rows, columns = get_preset(stream.preset).grid(stream.width, stream.height)
    return [
        ("File", format_size(size)),
        ("Picture", f"{stream.width}×{stream.height}"),
        ("Preset", stream.preset),
        ("Grid", f"{columns}×{rows}"),
        ("Codebook", str(get_preset(stream.preset).codebook_size)),
        ("Token coding", _coding(stream)),
        ("Refinement", "none" if stream.refinement is None else f"{stream.refinement.atoms:,} atoms"),
        ("Caption coding", stream.caption_coding if stream.caption else "none"),
        ("Model", f"{stream.model:02x}"),
        ("Format", f"version {stream.version}"),
        ("Caption", stream.caption or "none"),
    ]


def _coding(stream: Bitstream) -> str:
    if stream.version == 1:
        return "packed"
    steps = "" if stream.entropy_steps is None else f" in {stream.entropy_steps} steps"
    withheld = "" if stream.withheld is None else f", {stream.withheld.sent} groups sent and the others drawn"
    return f"{stream.entropy}{steps}{withheld}"
