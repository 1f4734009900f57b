"""Plots and maps of the labs and the session board."""

import pytest

from percov2_demo.metrics import METRICS
from percov2_demo.ui.render.plots import (
    AXES,
    LPIPS,
    MAX_LABELLED,
    PAYLOAD_RATE,
    RATE,
    RATES,
    SETTINGS,
    Point,
    axis_choices,
    preset_colour,
    preset_scatter,
    scatter,
    settings_text,
)


def point(number: int = 0, has_default_strength: bool = False, title: str = "", **values) -> Point:
    row = {"preset": "low", "guidance": 3, "strength": 0.5, "steps": 20, "seed": 0}
    row |= {"psnr": 20.0, "deep_realism": 0.5, "ms_ssim": None, "colour_shift": 5.0, RATE: 0.01}
    return Point(number, row | values, "thumbnail.png", title, has_default_strength)


def curves(figure) -> dict[str, list[tuple[float, float]]]:
    return {trace.name: list(zip(trace.x, trace.y, strict=True)) for trace in figure.data}


def test_axes_are_named_as_the_metrics_are():
    """Agreement is no metric of two pictures, but of a picture and its file."""
    others = {*RATES, "agreement"}
    assert {name: label for name, label in AXES.items() if name not in others} == {
        name: METRICS[name].label for name in AXES if name not in others
    }


def test_lpips_is_an_axis_where_it_is_measured():
    assert set(dict(axis_choices(with_lpips=True)).values()) == set(AXES)
    assert set(AXES) - {column for _, column in axis_choices()} == {LPIPS}


def test_points_are_connected_along_the_busiest_setting():
    points = [point(guidance=g, steps=s, psnr=20 - g, deep_realism=s / 100) for s in (5, 20) for g in (7, 1, 3)]
    assert curves(scatter(points, "deep_realism", "psnr")) == {
        "5 steps": [(0.05, 19), (0.05, 17), (0.05, 13)],
        "20 steps": [(0.2, 19), (0.2, 17), (0.2, 13)],
    }


def labels(figure) -> list[str]:
    return [text for trace in figure.data for text in trace.text or ()]


def test_few_points_tell_what_differs_along_their_curve():
    points = [
        point(10 * s + g, guidance=g, steps=s, psnr=20 - g, deep_realism=s / 100) for s in (5, 20) for g in (1, 3, 7)
    ]
    figure = scatter(points, "deep_realism", "psnr")
    assert labels(figure) == ["guidance 1", "guidance 3", "guidance 7"] * 2
    assert all(trace.mode == "lines+markers+text" for trace in figure.data)
    presets = [point(1, preset="low", **{RATE: 0.1}), point(2, preset="ultra-low", **{RATE: 0.01})]
    assert labels(scatter(presets, RATE, "psnr")) == ["ultra-low", "low"]


def test_a_label_that_would_cover_another_is_left_out():
    points = [point(g, guidance=g, psnr=psnr) for g, psnr in ((1, 10.0), (3, 10.1), (7, 20.0))]
    assert labels(scatter(points, "deep_realism", "psnr")) == ["guidance 1", "", "guidance 7"]


@pytest.mark.parametrize(
    "points",
    [
        [point(number, guidance=number, psnr=number) for number in range(MAX_LABELLED + 1)],
        [point(seed, seed=seed, psnr=seed) for seed in range(4)],
        [point()],
        [point(guidance=number, psnr=None) for number in range(2)],
    ],
)
def test_points_without_labels(points):
    assert labels(scatter(points, "deep_realism", "psnr")) == []


def test_rate_curves_are_over_presets():
    points = [
        point(preset=preset, strength=strength, **{RATE: rate, "psnr": 100 * rate + strength})
        for preset, rate in (("low", 0.02), ("ultra-low", 0.01))
        for strength in (0.2, 0.8)
    ]
    assert curves(scatter(points, RATE, "psnr")) == {
        "strength 0.2": [(0.01, 1.2), (0.02, 2.2)],
        "strength 0.8": [(0.01, 1.8), (0.02, 2.8)],
    }


def test_the_models_strengths_are_one_curve():
    points = [
        point(preset=preset, strength=strength, has_default_strength=is_default, **{RATE: rate, "psnr": strength})
        for preset, rate, strength, is_default in (
            ("ultra-low", 0.01, 0.3, True),
            ("ultra-low", 0.01, 0.2, False),
            ("low", 0.02, 0.2, True),
        )
    ]
    assert curves(scatter(points, RATE, "psnr")) == {
        "the model's default strength": [(0.01, 0.3), (0.02, 0.2)],
        "strength 0.2": [(0.01, 0.2)],
    }


def test_samples_are_points_without_a_line():
    trace, _ = scatter([point(seed, seed=seed, psnr=seed) for seed in range(4)], "deep_realism", "psnr").data
    assert trace.mode == "markers"
    assert [number for number, *_ in trace.customdata] == [0, 1, 2, 3]


def test_seeds_have_a_mean_with_its_deviation():
    points = [point(seed, seed=seed, steps=steps, psnr=steps + seed) for steps in (5, 20) for seed in (0, 2, 4)]
    means = scatter([*points, point(9, steps=50)], "deep_realism", "psnr").data[-1]
    assert (list(means.x), list(means.y)) == ([0.5, 0.5], [7, 22])
    assert (list(means.error_x.array), list(means.error_y.array)) == ([0, 0], [2, 2])
    assert means.customdata[0][0] is None
    assert "Mean of 3 seeds" in means.customdata[0][2]
    assert "PSNR 7 ± 2" in means.customdata[0][2]
    assert len(scatter([point(steps=steps) for steps in (5, 20)], "deep_realism", "psnr").data) == 1


def test_what_could_not_be_measured_is_left_out():
    figure = scatter([point(4, guidance=1), point(7, guidance=2, ms_ssim=0.7)], "deep_realism", "ms_ssim")
    assert [number for trace in figure.data for number, *_ in trace.customdata] == [7]


@pytest.mark.parametrize(
    ("x", "y", "titles", "better"),
    [
        ("deep_realism", "psnr", ("← Deep realism", "PSNR (dB) →"), (0, "<b>↖ better</b>")),
        ("ms_ssim", "colour_shift", ("MS-SSIM →", "← Colour shift (ΔE00)"), (1, "<b>better ↘</b>")),
        (RATE, "psnr", ("← File rate (bits per pixel)", "PSNR (dB) →"), (0, "<b>↖ better</b>")),
        ("psnr", PAYLOAD_RATE, ("PSNR (dB) →", "← Payload rate (bits per pixel)"), (1, "<b>better ↘</b>")),
    ],
)
def test_arrows_point_to_where_it_is_better(x, y, titles, better):
    layout = scatter([point(ms_ssim=0.7, **{PAYLOAD_RATE: 0.009})], x, y).layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == titles
    (arrow,) = layout.annotations
    assert (arrow.x, arrow.text) == better
    assert (layout.xaxis.type == "log", layout.yaxis.type == "log") == (x in RATES, y in RATES)


def test_runs_of_any_photo_are_coloured_by_preset():
    figure = preset_scatter(
        [
            point(1, title="Run 1: “a <b> wall”", psnr=21.0),
            point(2, preset="ultra-low", psnr=18.0),
            point(3, psnr=19.0),
            Point(4, {"preset": "low", "strength": 0.5}, ""),
        ],
        "deep_realism",
        "psnr",
    )
    line, ultra_low, low = figure.data
    assert (line.mode, list(line.y)) == ("lines", [18, 21])
    assert (list(ultra_low.y), list(low.y)) == ([18], [21, 19])
    assert (ultra_low.mode, low.mode) == ("markers", "markers")
    assert (ultra_low.marker.color, low.marker.color) == (preset_colour("ultra-low"), preset_colour("low"))
    assert [number for number, *_ in low.customdata] == [1, 3]
    assert low.customdata[0][2].startswith("Run 1: “a <b> wall”\nlow · guidance 3")


def test_runs_are_joined_along_one_setting():
    def lines(*points):
        return [
            list(trace.y) for trace in preset_scatter(points, "deep_realism", "psnr").data if trace.mode == "lines"
        ]

    assert lines(point(1, steps=4, psnr=1), point(2, steps=8, psnr=2), point(3, caption="a wall", psnr=3)) == [[1, 2]]
    assert lines(point(1, steps=4), point(2, steps=8, guidance=7)) == []
    # Neither seeds nor captions have an order.
    assert lines(point(1, seed=4), point(2, seed=8)) == []
    assert lines(point(1, caption="a wall"), point(2, caption="a tower")) == []
    # The usual strengths of two presets are one setting.
    usual = [point(1, True, strength=0.3, psnr=1), point(2, True, preset="ultra-low", strength=0.6, psnr=2)]
    assert lines(*usual) == [[2, 1]]
    # Without any painting, what it is painted with makes no difference.
    assert lines(point(1, strength=0, psnr=1), point(2, strength=0, preset="ultra-low", steps=50, psnr=2)) == [[2, 1]]


def test_the_chosen_point_stands_out():
    (trace,) = preset_scatter([point(1), point(2)], "deep_realism", "psnr", chosen=2).data
    small, large = trace.marker.size
    assert small < large


def test_settings_for_people():
    assert settings_text(point().row, SETTINGS) == "low · guidance 3 · strength 0.5 · 20 steps · seed 0"
    assert settings_text(point(steps=1).row, ("steps",)) == "1 step"
    assert settings_text(point(strength=0).row, SETTINGS) == "low · the estimate alone"
