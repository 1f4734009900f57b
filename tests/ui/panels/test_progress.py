"""The bar of the painting."""

from percov2_demo.ui.panels import progress
from percov2_demo.ui.panels.progress import progress_clock, progress_html


def test_the_bar_and_its_words():
    html = progress_html(5, 20, 7.6)
    assert "Painting, step 5 of 20 · 8 s left" in html
    assert 'max="20" value="5"' in html
    assert "left" not in progress_html(20, 20, 0.0)


def test_the_time_left_is_told_from_the_time_taken(monkeypatch):
    times = iter([100.0, 100.0, 106.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    told = progress_clock(8)
    assert "left" not in told(0)
    assert "18 s left" in told(2)
