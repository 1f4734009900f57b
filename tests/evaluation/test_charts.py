"""Which points a chart shows together."""

import pytest

from percov2_demo.evaluation.charts import OURS, Curve, baseline_curves, curves_of, draw, published_curves
from percov2_demo.evaluation.published import published_for


STRENGTHS = {"ultra-low": 0.3, "low": 0.2}


def point(preset="low", guidance=3.0, strength=None, **values):
    strength = STRENGTHS[preset] if strength is None else strength
    settings = {"preset": preset, "steps": 20, "guidance": guidance, "strength": strength}
    metrics = {"psnr": 20.0, "ms_ssim": 0.6, "deep_realism": 0.5, "colour_shift": 4.0}
    return settings | {"file_bpp": 0.01} | metrics | values


def baseline(preset="low", fits=24, **values):
    return {"preset": preset, "codec": "jpeg", "pictures": 24, "fits": fits, "file_bpp": 0.1, "psnr": 21.0} | values


def test_a_curve_holds_the_presets_of_one_setting():
    points = [point(p, g, s) for p in STRENGTHS for g, s in ((3.0, None), (1.0, None), (1.0, 0.0), (1.0, 0.9))]
    curves = curves_of(points, STRENGTHS)
    assert [curve.labels for curve in curves] == [["ultra-low", "low"]] * 4
    assert [curve.name.removeprefix("PerCoV2 Explorer, ") for curve in curves] == [
        "20 steps, guidance 3",
        "20 steps, guidance 1",
        "the estimate alone",
        "20 steps, guidance 1, strength 0.9",
    ]


def test_a_default_that_does_not_paint_is_called_the_estimate_unless_another_preset_paints():
    points = [point(preset, strength=0.0) for preset in STRENGTHS]
    (curve,) = curves_of(points, dict.fromkeys(STRENGTHS, 0.0))
    assert curve.name == "PerCoV2 Explorer, the estimate alone"
    points[1]["strength"] = 0.2
    (curve,) = curves_of(points, STRENGTHS | {"ultra-low": 0.0})
    assert curve.name == "PerCoV2 Explorer, 20 steps, guidance 3"


def test_only_pairs_that_were_measured_are_drawn_and_curves_keep_to_their_columns():
    figures = draw(
        curves_of([point()], STRENGTHS) + baseline_curves([baseline()], {"jpeg": "JPEG"}),
        "drawn, 512x512",
    )
    titles = [figure.layout.title.text for figure in figures]
    assert len(titles) == len(set(titles)) == 5
    assert not any("LPIPS" in title for title in titles)
    rate_distortion, *others = figures
    assert [trace.name for trace in rate_distortion.data] == ["PerCoV2 Explorer, 20 steps, guidance 3", "JPEG"]
    assert all(len(figure.data) == 1 for figure in others)
    assert all(figure.layout.title.subtitle.text == "drawn, 512x512" for figure in figures)


def test_points_of_a_curve_rise_along_the_axis():
    points = [{"file_bpp": 0.03, "psnr": 22.0}, {"file_bpp": 0.003, "psnr": 18.0}, {"file_bpp": 0.01, "psnr": None}]
    (figure,) = draw([Curve("a codec", OURS, points, ["high", "low", "none"])], "")
    (trace,) = figure.data
    assert (trace.x, trace.y, trace.text) == ((0.003, 0.03), (18.0, 22.0), ("low", "high"))


@pytest.mark.parametrize(
    ("fits", "label"),
    [
        (24, "at the bytes of low"),
        (0, "the smallest file it can make"),
        (3, "at the bytes of low, or the smallest file it can make"),
    ],
)
def test_a_codec_that_cannot_go_that_low_is_labelled_so(fits, label):
    (curve,) = baseline_curves([baseline(fits=fits)], {"jpeg": "JPEG"})
    assert curve.labels == [label]


def test_published_figures_are_labelled_and_keep_their_definitions():
    (crop,) = (item for item in published_for("kodak", 512, 512) if item.protocol == "crop")
    figures = draw(published_curves(crop), crop.label)
    assert figures
    assert all("published" in trace.name for figure in figures for trace in figure.data)
    (lpips,) = (figure for figure in figures if figure.layout.title.text == "LPIPS over rate")
    assert {value for trace in lpips.data for value in trace.y} == {0.434, 0.686, 0.415}


def test_a_curve_has_one_colour_in_all_charts_and_only_pairs_of_ours_are_drawn():
    (crop,) = (item for item in published_for("kodak", 512, 512) if item.protocol == "crop")
    ours, classical = curves_of([point()], STRENGTHS), baseline_curves([baseline()], {"jpeg": "JPEG"})
    figures = draw(ours + classical + published_curves(crop), "")
    colours = {(trace.name, trace.line.color) for figure in figures for trace in figure.data}
    assert len(colours) == len({name for name, _ in colours}) == len({colour for _, colour in colours})
    assert not any("LPIPS" in figure.layout.title.text for figure in figures)
