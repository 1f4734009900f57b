"""The byte breakdown."""

import re

import numpy as np

from percov2_demo.bitstream import Bitstream
from percov2_demo.presets import PRESETS
from percov2_demo.rates import RateReport
from percov2_demo.ui.breakdown import breakdown_html, fields_html, file_text_html


def stream(caption: str) -> Bitstream:
    return Bitstream(
        width=512, height=512, preset="ultra-low", model=7, caption=caption, indices=np.zeros((8, 8), np.int64)
    )


def table_rows(html: str) -> list[tuple[str, str, str]]:
    return re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td>', html)


def test_numbers_are_those_of_the_report():
    report = RateReport.from_bitstream(stream("an old castle"))
    rows = table_rows(breakdown_html(report, PRESETS["ultra-low"]))
    assert [int(size) for _, size, _ in rows] == [
        report.spatial_bytes,
        report.caption_bytes,
        report.container_bytes,
        report.payload_bytes,
        report.file_bytes,
        report.paper_bytes,
    ]
    assert rows[0][2] == "0.00195"
    assert rows[3][2] == f"{report.payload_bpp:.5f}"


def test_the_bar_is_told_to_screen_readers():
    html = breakdown_html(RateReport.from_bitstream(stream("an old castle")), PRESETS["ultra-low"])
    assert 'role="img" aria-label="spatial 64 bytes, caption 15 bytes, container 4 bytes"' in html
    assert html.count("flex-grow") == 3


def test_no_caption_has_no_segment():
    html = breakdown_html(RateReport.from_bitstream(stream("")), PRESETS["ultra-low"])
    assert html.count("flex-grow") == 2


def test_published_rates_are_called_published():
    html = breakdown_html(RateReport.from_bitstream(stream("")), PRESETS["ultra-low"])
    assert "Published rates" in html
    for rate in PRESETS["ultra-low"].published:
        assert f"{rate.bpp:.5f}" in html


def test_the_file_as_text():
    assert ">AP_-<" in file_text_html(b"\x00\xff\xfe")


def test_fields_are_escaped():
    html = fields_html([("Caption", "<script>alert(1)</script>")])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
