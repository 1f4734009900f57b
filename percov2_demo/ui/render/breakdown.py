"""What a file says, and what its bytes are spent on."""

from collections.abc import Iterable
from html import escape

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import Preset, get_preset
from percov2_demo.ui.render.wording import format_size


_PARTS = {
    "spatial": "Spatial: the tokens",
    "caption": "Caption",
    "refinement": "Refinement: chosen noise",
    "container": "Container: header and check",
}


def breakdown_html(report: RateReport, preset: Preset) -> str:
    """Return the bytes of a stream by part: a stacked bar beside what the papers state for its preset, and numbers."""
    return (
        f'<section aria-label="Byte breakdown">{_bars(report, preset)}{_table(report)}{_published(preset)}</section>'
    )


def breakdown_summary(report: RateReport) -> str:
    """Say what the bytes are spent on in one line."""
    parts = {
        "tokens": report.spatial_bytes,
        "caption": report.caption_bytes,
        "refinement": report.refinement_bytes,
        "header": report.container_bytes,
    }
    told = " + ".join(f"{size:,} {name}" for name, size in parts.items() if size)
    return f"{format_size(report.file_bytes)}: {told}"


def _bars(report: RateReport, preset: Preset) -> str:
    """The file, and below it on the same scale the papers' files of a picture of this size."""
    published = {rate: rate.bpp * report.pixels / 8 for rate in preset.published}
    longest = max([report.file_bytes, *published.values()])
    return _bar(report, longest) + "".join(
        f'<div class="published-bar" style="width:{100 * size / longest:.1f}%"></div>'
        f"<small>Published: {size:,.0f} B here, {escape(rate.covers)}</small>"
        for rate, size in published.items()
    )


def _bar(report: RateReport, longest: float) -> str:
    sizes = {name: size for name, size in report.parts._asdict().items() if size}
    spoken = ", ".join(f"{name} {size} bytes" for name, size in sizes.items())
    segments = "".join(
        f'<span class="{name}" style="flex:{size} 0 26px" title="{_PARTS[name]}: {size} B"><b>{size}</b></span>'
        for name, size in sizes.items()
    )
    width = 100 * report.file_bytes / longest
    return f'<div class="byte-bar" role="img" aria-label="{spoken}" style="width:{width:.1f}%">{segments}</div>'


def _table(report: RateReport) -> str:
    refinement = []
    if report.refinement_bytes:
        bpp = 8 * report.refinement_bytes / report.pixels
        refinement = [_row(_PARTS["refinement"], report.refinement_bytes, bpp, "refinement")]
    rows = [
        _row(_PARTS["spatial"], report.spatial_bytes, report.spatial_bpp, "spatial"),
        _row(_PARTS["caption"], report.caption_bytes, report.caption_bpp, "caption"),
        *refinement,
        _row(_PARTS["container"], report.container_bytes, report.container_bpp, "container"),
        _row("Payload: all but the container", report.payload_bytes, report.payload_bpp, "total"),
        _row("File on disk", report.file_bytes, report.file_bpp, "total"),
        _row("As the papers count: no container, caption in zlib", report.paper_bytes, report.paper_bpp),
    ]
    head = '<tr><th scope="col">Part</th><th scope="col">Bytes</th><th scope="col">bpp</th></tr>'
    return f'<table class="numbers"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'


def _row(name: str, size: int, bpp: float, kind: str = "") -> str:
    key = ' class="key"' if kind in _PARTS else ""
    return f'<tr class="{kind}"><th scope="row"{key}>{name}</th><td>{size:,}</td><td>{bpp:.5f}</td></tr>'


def _published(preset: Preset) -> str:
    items = "".join(
        f"<li><b>{rate.bpp:.5f} bpp</b>: {escape(rate.covers)}. {escape(rate.source)}.</li>"
        for rate in preset.published
    )
    return f"<details><summary>Published rates for this preset</summary><ul>{items}</ul></details>" if items else ""


def fields_html(fields: Iterable[tuple[str, str]], in_columns: bool = True) -> str:
    """Return names and values as a description list, where there is room in columns; they are escaped."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in fields)
    columns = ' class="fields"' if in_columns else ""
    return f"<dl{columns}>{items}</dl>"


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
