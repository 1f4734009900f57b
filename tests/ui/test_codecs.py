"""The comparison at equal bytes, with real codecs."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from percov2_demo.baselines import available_codecs
from percov2_demo.ui import codecs
from percov2_demo.ui.codecs import CodecComparison


@pytest.fixture
def comparison(blocks, monkeypatch):
    few = {name: available_codecs()[name] for name in ("jpeg", "jpeg2000")}
    monkeypatch.setattr(codecs, "available_codecs", lambda: few)
    return CodecComparison(gr.State())


def shown_run(picture: str, size: int) -> SimpleNamespace:
    return SimpleNamespace(original=picture, picture=picture, stream=bytes(size))


def test_nothing_to_compare(comparison):
    with pytest.raises(gr.Error, match="Compress a photo first"):
        next(comparison.compare(None))


def test_each_codec_is_shown_when_it_is_done(comparison, saved_picture):
    pages = list(comparison.compare(shown_run(saved_picture, 5000)))
    assert [page.count("<figure") for page in pages] == [2, 3]
    assert "5,000 bytes, the whole file" in pages[0]
    assert pages[-1].count("it fits") == 2
    sizes = [int(size.replace(",", "")) for size in re.findall(r"([\d,]+) bytes: it fits", pages[-1])]
    assert all(size <= 5000 for size in sizes)
    assert 'role="status"' in pages[0]
    assert 'role="status"' not in pages[-1]


def test_a_codec_that_cannot_go_so_low_shows_its_smallest_file(comparison, saved_picture):
    *_, page = comparison.compare(shown_run(saved_picture, 70))
    size, times = re.search(r"<b>JPEG</b> ([\d,]+) bytes at least, ([\d.]+) times", page).groups()
    size = int(size.replace(",", ""))
    assert size > 600
    assert float(times) == pytest.approx(size / 70, abs=0.06)
