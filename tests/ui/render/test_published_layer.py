"""Published figures beside a session's runs."""

import pytest

from percov2_demo.evaluation.published import load_published
from percov2_demo.ui.render.plots import LPIPS, PAYLOAD_RATE, RATE, preset_scatter
from percov2_demo.ui.render.published_layer import DATASET, SYSTEMS, add_published, has_published, published_html


NAMES = [name for names in SYSTEMS.values() for name in names]


def drawn(x, y):
    figure = preset_scatter([], x, y)
    add_published(figure, x, y)
    return figure.data


@pytest.mark.parametrize("name", NAMES)
def test_every_series_is_a_published_mean(name):
    (series,) = (
        series for item in load_published() if item.dataset == DATASET for series in item.series if series.name == name
    )
    assert "bpp" in series.results
    assert "image" not in series.results
    assert series.status == "stated"


def test_a_metric_published_with_its_rate_is_a_point():
    points = [trace for trace in drawn(PAYLOAD_RATE, "psnr") if trace.mode == "markers"]
    assert [(trace.name, trace.x, trace.y) for trace in points] == [("PerCo (SD)", (0.0324, 0.1261), (19.53, 22.79))]
    number, thumbnail, text = points[0].customdata[0]
    assert (number, thumbnail) == (None, "")
    assert text.startswith("PerCo (SD) (published)\npublished: kodak, 768x512")
    assert "PSNR 19.53" in text


@pytest.mark.parametrize("metric", ["deep_realism", "colour_shift", LPIPS])
def test_what_was_published_by_another_definition_is_not_a_point(metric):
    traces = drawn(PAYLOAD_RATE, metric)
    assert {trace.mode for trace in traces} == {"lines"}
    assert {trace.name for trace in traces} == set(NAMES)
    assert {(trace.yaxis, len(set(trace.x))) for trace in traces} == {("y2", 1)}


def test_a_rate_goes_across_when_it_is_up():
    traces = drawn("deep_realism", PAYLOAD_RATE)
    assert {(trace.xaxis, len(set(trace.y))) for trace in traces} == {("x2", 1)}


@pytest.mark.parametrize("x", ["deep_realism", RATE])
def test_where_nothing_is_published_nothing_is_offered(x):
    assert drawn(x, "psnr") == ()
    assert not has_published(x, "psnr")
    assert published_html(x, "psnr") == ""
    assert has_published(PAYLOAD_RATE, "psnr")


def test_each_figure_has_its_dataset_protocol_and_source():
    html = published_html(PAYLOAD_RATE, "ms_ssim")
    for name in NAMES:
        assert f"<b>{name}</b>" in html
    assert "0.0034 bpp" in html
    assert "published: kodak, 512x512, squash (inferred)" in html
    assert "means over the 24 pictures of Kodak, not of your photo" in html
    assert "A dashed line is a rate published without MS-SSIM." in html
    assert html.count("published by") == len(NAMES)
