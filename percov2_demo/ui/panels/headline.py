"""What was made of what, in one large line and one small."""

from percov2_demo.bitstream.rates import RateReport
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.templates import render


def headline_html(
    report: RateReport,
    size: tuple[int, int],
    png_bytes: int | None = None,
    is_own: bool = True,
    painter: str = "",
) -> str:
    """Say how small a photo got, or how few bytes a picture is painted from.

    The factor compares the same pixels: a camera's file has many times as many, and is named for itself.

    Args:
        report: The file's bytes, with those of the original where there was one.
        size: Width and height in pixels of the coded picture.
        png_bytes: Bytes of the photo as it is coded, as a PNG file; None where there is none.
        is_own: Whether the photo is the visitor's, and none that the page offers.
        painter: What the painter is called, where it is not the codec's own.
    """
    factor = png_bytes / report.file_bytes if png_bytes else 0
    original = report.original_bytes
    return render(
        "panels/headline.html",
        photo=format_size(original, before_noun=True) if original else "",
        is_own=is_own,
        size=format_size(report.file_bytes),
        factor=f"{factor:,.0f}" if factor >= 2 else "",
        pixels="×".join(map(str, size)),
        painter=painter,
        bpp=f"{report.file_bpp:.4f}",
    )
