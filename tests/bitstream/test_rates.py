"""Rate accounting against figures worked out by hand and against the file itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from percov2_demo.bitstream import Bitstream
from percov2_demo.bitstream.rates import RateReport
from percov2_demo.presets import PRESETS, get_preset


def make_stream(preset: str, width: int, height: int, caption: str, coding: str = "deflate") -> Bitstream:
    indices = np.zeros(get_preset(preset).grid(width, height), np.int64)
    return Bitstream(
        width=width, height=height, preset=preset, model=1, indices=indices, caption=caption, caption_coding=coding
    )


def test_without_a_caption() -> None:
    report = RateReport.from_bitstream(make_stream("ultra-low", 512, 512, ""))
    assert report.to_dict() == {
        "bytes": {"spatial": 64, "caption": 0, "container": 4, "total": 68},
        "bpp": {"spatial": 64 / 32768, "caption": 0.0, "payload": 64 / 32768, "file": 68 / 32768},
        "paper": {"bytes": 64, "bpp": 64 / 32768},
    }
    assert report.paper_bytes == 64


@pytest.mark.parametrize(("coding", "caption_bytes"), [("deflate", 15), ("zlib", 21)])
def test_the_papers_figure_is_the_same_whichever_coding_the_file_uses(coding: str, caption_bytes: int) -> None:
    """PerCoV2 shows "an old castle" as 0.0006 bpp, which is 21 bytes of zlib."""
    report = RateReport.from_bitstream(make_stream("ultra-low", 512, 512, "an old castle", coding))
    assert report.caption_bytes == caption_bytes
    assert report.payload_bytes == 64 + caption_bytes
    assert report.paper_bytes == 64 + 21
    assert report.paper_bpp == 85 / 32768
    assert round(report.paper_bpp - report.spatial_bpp, 4) == 0.0006


def test_bits_are_divided_by_the_coded_pictures_pixels() -> None:
    report = RateReport.from_bitstream(make_stream("low", 640, 128, ""))
    assert (report.spatial_bytes, report.container_bytes, report.file_bytes) == (100, 6, 106)
    assert report.spatial_bpp == 800 / (640 * 128)
    assert report.container_bpp == 48 / (640 * 128)
    assert report.file_bpp == 848 / (640 * 128)


def test_compression_ratio() -> None:
    stream = make_stream("ultra-low", 512, 512, "")
    report = RateReport.from_bitstream(stream, original_bytes=680_000)
    assert report.compression_ratio == 10_000
    assert report.to_dict()["original"] == {"bytes": 680_000, "ratio": 10_000}
    assert RateReport.from_bitstream(stream).compression_ratio is None


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    preset=st.sampled_from(list(PRESETS)),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    caption=st.text(max_size=200),
    coding=st.sampled_from(["deflate", "zlib"]),
)
def test_parts_add_up_to_the_file(preset: str, width: int, height: int, caption: str, coding: str) -> None:
    stream = make_stream(preset, 64 * width, 64 * height, caption, coding)
    report = RateReport.from_bitstream(stream)
    figures = report.to_dict()
    assert report.file_bytes == figures["bytes"]["total"] == len(stream.to_bytes())
    assert report.file_bytes == report.spatial_bytes + report.caption_bytes + report.container_bytes
    assert figures["bpp"]["payload"] == report.payload_bpp == pytest.approx(report.spatial_bpp + report.caption_bpp)
    assert figures["bpp"]["file"] == pytest.approx(report.payload_bpp + report.container_bpp)
    assert set(figures["bpp"]) == {"spatial", "caption", "payload", "file"}
    saved_by_deflate = 6 * bool(caption) * (coding == "deflate")
    assert report.paper_bytes == report.payload_bytes + saved_by_deflate
