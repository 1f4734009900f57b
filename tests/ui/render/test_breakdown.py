"""The byte breakdown."""

import re
from dataclasses import replace

import numpy as np
import pytest

from percov2_demo.bitstream import Bitstream, Payload, Withheld
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import PRESETS
from percov2_demo.ui.render.breakdown import breakdown_html, fields_html, stream_fields


PAYLOAD = Payload(b"x", 0)


def stream(caption: str) -> Bitstream:
    return Bitstream(
        width=512, height=512, preset="ultra-low", model=7, caption=caption, indices=np.zeros((8, 8), np.int64)
    )


def table_rows(html: str) -> list[tuple[str, str, str]]:
    return re.findall(r'<th scope="row".*?>(.*?)</th><td>(.*?)</td><td>(.*?)</td>', html)


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
    assert html.count('style="flex:') == 3


def test_no_caption_has_no_segment():
    html = breakdown_html(RateReport.from_bitstream(stream("")), PRESETS["ultra-low"])
    assert html.count('style="flex:') == 2


def test_published_rates_are_called_published():
    html = breakdown_html(RateReport.from_bitstream(stream("")), PRESETS["ultra-low"])
    assert "Published rates" in html
    for rate in PRESETS["ultra-low"].published:
        assert f"{rate.bpp:.5f}" in html


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "packed"),
        ({"entropy": "qlds", "entropy_steps": 12, "payload": PAYLOAD}, "qlds in 12 steps"),
        ({"entropy": "var", "payload": PAYLOAD, "withheld": Withheld(2)}, "var, 2 groups sent and the others drawn"),
    ],
)
def test_the_coding_of_the_indices_is_a_field(changes, text):
    assert ("Token coding", text) in stream_fields(replace(stream("an old castle"), **changes), 100)


def test_published_files_are_drawn_to_the_files_scale():
    report = RateReport.from_bitstream(stream("an old castle"))
    html = breakdown_html(report, PRESETS["ultra-low"])
    largest = max(rate.bpp for rate in PRESETS["ultra-low"].published) * 512 * 512 / 8
    assert f": {largest:.0f} bytes for a picture of this size" in html
    assert f'style="width:{100 * report.file_bytes / largest:.1f}%"' in html


def test_fields_are_escaped():
    html = fields_html([("Caption", "<script>alert(1)</script>")])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
