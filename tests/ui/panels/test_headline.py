"""The large line over a result."""

from percov2_demo.bitstream import PartSizes
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.ui.panels.headline import headline_html


def report(original: int | None) -> RateReport:
    return RateReport(576 * 384, PartSizes(container=9, caption=20, spatial=71), 30, original)


def test_the_factor_counts_the_same_pixels_and_the_original_is_named():
    html = headline_html(report(12_000_000), (576, 384), png_bytes=50_000)
    assert "Your 12.0 MB photo is now <em>100 bytes</em>" in html
    assert "500 times smaller than the same 576×384 pixels as PNG" in html


def test_another_painter_is_named():
    assert "painted by someone/painter" in headline_html(report(None), (576, 384), painter="someone/painter")


def test_what_is_not_smaller_is_not_called_so():
    assert "times smaller" not in headline_html(report(90), (576, 384), png_bytes=150)


def test_a_file_without_its_photo_is_what_a_picture_is_from():
    html = headline_html(report(None), (576, 384))
    assert "A picture from <em>100 bytes</em>" in html
    assert "576×384 pixels" in html
