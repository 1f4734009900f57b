"""What a file's bytes are spent on, as a bar and a table."""

import base64
from collections.abc import Iterable
from html import escape

from percov2_demo.presets import Preset
from percov2_demo.rates import RateReport


_PARTS = {
    "spatial": "Spatial: the indices",
    "caption": "Caption",
    "container": "Container: header and check",
}


def breakdown_html(report: RateReport, preset: Preset) -> str:
    """The byte breakdown of a stream: a stacked bar, the numbers, and what the papers state for its preset."""
    return (
        '<section class="breakdown" aria-label="Byte breakdown"><h3>Where the bytes go</h3>'
        f"{_bar(report)}{_table(report)}{_published(preset)}</section>"
    )


def _bar(report: RateReport) -> str:
    sizes = report.parts._asdict()
    spoken = ", ".join(f"{name} {size} bytes" for name, size in sizes.items())
    segments = "".join(
        f'<span class="{name}" style="flex-grow:{size}" title="{_PARTS[name]}: {size} B"><b>{size}</b></span>'
        for name, size in sizes.items()
        if size
    )
    return f'<div class="bar" role="img" aria-label="{spoken}">{segments}</div>'


def _table(report: RateReport) -> str:
    rows = [
        _row(_PARTS["spatial"], report.spatial_bytes, report.spatial_bpp, "spatial"),
        _row(_PARTS["caption"], report.caption_bytes, report.caption_bpp, "caption"),
        _row(_PARTS["container"], report.container_bytes, report.container_bpp, "container"),
        _row("Payload: spatial + caption", report.payload_bytes, report.payload_bpp, "total"),
        _row("File on disk", report.file_bytes, report.file_bpp, "total"),
        _row("As the papers count: no container, caption in zlib", report.paper_bytes, report.paper_bpp, "paper"),
    ]
    head = '<tr><th scope="col">Part</th><th scope="col">Bytes</th><th scope="col">bpp</th></tr>'
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _row(name: str, size: int, bpp: float, kind: str) -> str:
    return f'<tr class="{kind}"><th scope="row">{name}</th><td>{size:,}</td><td>{bpp:.5f}</td></tr>'


def _published(preset: Preset) -> str:
    items = "".join(
        f"<li><b>{rate.bpp:.5f} bpp</b>: {escape(rate.covers)}. {escape(rate.source)}.</li>"
        for rate in preset.published
    )
    return f"<details><summary>Published rates for this preset</summary><ul>{items}</ul></details>" if items else ""


def file_text_html(data: bytes) -> str:
    """The whole file as text that can be selected and sent."""
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return (
        '<section class="file-text"><h3>The whole file, as text</h3>'
        f'<code tabindex="0" aria-label="The file in base64">{text}</code></section>'
    )


def fields_html(fields: Iterable[tuple[str, str]]) -> str:
    """Names and values as a description list; values are escaped."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in fields)
    return f'<dl class="fields">{items}</dl>'
