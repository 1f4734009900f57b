"""The comparison at equal bytes, with real codecs."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from percov2_demo.evaluation.baselines import available_codecs
from percov2_demo.ui.panels import codecs
from percov2_demo.ui.panels.codecs import CodecComparison
from percov2_demo.ui.panels.comparison import create_comparison


@pytest.fixture
def comparison(blocks, monkeypatch):
    few = {name: available_codecs()[name] for name in ("jpeg", "webp", "jpeg2000")}
    monkeypatch.setattr(codecs, "available_codecs", lambda: few)
    return CodecComparison(gr.State(), create_comparison(elem_id="comparison"))


def shown_run(picture: str, size: int) -> SimpleNamespace:
    rates = SimpleNamespace(original_bytes=123_456)
    fields = {"width": 64, "height": 48}
    return SimpleNamespace(original=picture, picture=picture, stream=bytes(size), rates=rates, fields=fields)


def test_nothing_to_compare(comparison):
    assert comparison.compare_nearest(None) == gr.skip()
    with pytest.raises(gr.Error, match="Compress a photo first"):
        next(comparison.compare_others(None, []))


def test_the_photo_the_file_and_the_nearest_codec_come_first(comparison, saved_picture):
    updates = comparison.compare_nearest(shown_run(saved_picture, 5000))
    page = updates[comparison.cards]
    assert re.findall(r"<b>(.*?)</b>", page) == ["The photo", "From the file", "JPEG 2000"]
    assert "</b> 123.5 KB<" in page
    assert "</b> 5,000 bytes<" in page
    assert updates[comparison.button].visible
    assert int(re.search(r"JPEG 2000</b> ([\d,]+) bytes<", page).group(1).replace(",", "")) <= 5000


def test_the_other_codecs_join_as_they_are_done(comparison, saved_picture):
    run = shown_run(saved_picture, 5000)
    first, *_ = comparison.compare_nearest(run).values()
    updates = list(comparison.compare_others(run, first))
    assert not updates[0][comparison.button].visible
    pages = [update[comparison.cards] for update in updates]
    assert [page.count("<figure") for page in pages] == [3, 4, 5]
    assert ['role="status"' in page for page in pages] == [True, True, False]
    assert re.findall(r"<b>(.*?)</b>", pages[-1])[2:] == ["JPEG 2000", "JPEG", "WebP"]


def test_a_codec_that_cannot_go_so_low_shows_its_smallest_file(comparison, saved_picture):
    *_, updates = comparison.compare_others(shown_run(saved_picture, 70), [])
    size, times = re.search(r"<b>JPEG</b> ([\d,]+) bytes, ([\d.]+) times", updates[comparison.cards]).groups()
    size = int(size.replace(",", ""))
    assert size > 600
    assert float(times) == pytest.approx(size / 70, abs=0.5)


def test_a_codecs_picture_is_laid_beside_the_files(comparison, saved_picture):
    run = shown_run(saved_picture, 5000)
    cards, *_ = comparison.compare_nearest(run).values()
    rival = comparison.lay_beside(run, cards, SimpleNamespace(index=2))
    assert re.search(r"<figcaption>JPEG 2000, [\d,]+ bytes</figcaption>", rival)
    assert "From the file, 5,000 bytes" in rival
    assert "<figcaption>Original</figcaption>" in comparison.lay_beside(run, cards, SimpleNamespace(index=0))
    with pytest.raises(gr.Error, match="no longer here"):
        comparison.lay_beside(run, cards, SimpleNamespace(index=9))


def test_a_new_run_starts_without_cards(comparison):
    updates = comparison.clear()
    assert updates[comparison.cards] == ""
    assert not updates[comparison.button].visible
