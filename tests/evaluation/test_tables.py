"""Means, wins and file formats, against figures worked out by hand."""

import csv
import json
import math

from percov2_demo.evaluation.tables import (
    compressai_results,
    summarize,
    summarize_baselines,
    summarize_codings,
)
from percov2_demo.files.csv_table import write_csv


def row(image, preset="low", seed=0, **values):
    point = {"image": image, "preset": preset, "steps": 20, "guidance": 3.0, "strength": 0.3}
    figures = {"spatial_bytes": 64, "caption_bytes": 10, "file_bytes": 78, "payload_bpp": 0.00226, "file_bpp": 0.00238}
    return point | {"seed": seed} | figures | {"psnr": 20.0, "ms_ssim": 0.5, "deep_realism": 0.4} | values


def compared(image, codec="jpeg", preset="low", **values):
    sizes = {"target_bytes": 78, "file_bytes": 600, "file_bpp": 0.01831, "fits": False}
    figures = {"psnr": 21.0, "deep_realism": 0.5, "bytes_for_psnr": 700, "bytes_for_ms_ssim": None}
    return {"image": image, "preset": preset, "codec": codec} | sizes | figures | values


def test_means_are_over_pictures_and_seeds():
    rows = [row("a", psnr=20.0), row("a", seed=1, psnr=22.0), row("b", psnr=24.0), row("b", seed=1, psnr=26.0)]
    (point,) = summarize(rows)
    assert point["psnr"] == 23.0
    assert (point["pictures"], point["preset"], point["strength"]) == (2, "low", 0.3)
    assert "image" not in point
    assert "seed" not in point


def test_each_combination_is_a_point_in_the_order_of_the_rows():
    rows = [row("a", "ultra-low"), row("a", "low"), row("a", "low", guidance=1.0), row("b", "ultra-low")]
    points = summarize(rows)
    assert [(p["preset"], p["guidance"], p["pictures"]) for p in points] == [
        ("ultra-low", 3.0, 2),
        ("low", 3.0, 1),
        ("low", 1.0, 1),
    ]


def test_missing_values_are_left_out_of_means():
    (point,) = summarize([row("a", ms_ssim=None), row("b", ms_ssim=0.7)])
    assert point["ms_ssim"] == 0.7
    (point,) = summarize([row("a", ms_ssim=None)])
    assert point["ms_ssim"] is None


def test_wins_follow_each_metrics_direction():
    rows = [row("a", psnr=20.0, deep_realism=0.4), row("b", psnr=22.0, deep_realism=0.6)]
    (point,) = summarize_baselines([compared("a"), compared("b")], rows)
    assert (point["ours_better_psnr"], point["ours_better_deep_realism"]) == (1, 1)
    assert (point["pictures"], point["fits"], point["file_bytes"], point["target_bytes"]) == (2, 0, 600, 78)
    assert point["bytes_for_psnr"] == 700
    assert point["bytes_for_ms_ssim"] is None


def test_only_the_first_row_of_a_picture_and_preset_is_compared_with():
    rows = [row("a", psnr=20.0), row("a", psnr=30.0, guidance=1.0)]
    (point,) = summarize_baselines([compared("a")], rows)
    assert point["ours_better_psnr"] == 0


def test_codings_are_compared_with_packed_indices():
    sizes = {"width": 512, "height": 512, "caption_words": 4, "caption_bytes": 6, "file_bytes": 60}
    row = {"preset": "ultra-low", "entropy": "qlds", "encode_seconds": 0.1, "decode_seconds": 0.2} | sizes
    rows = [row | {"index_bits": 400.0, "spatial_bytes": 50}, row | {"index_bits": 410.0, "spatial_bytes": 52}]
    (point,) = summarize_codings(rows)
    assert (point["index_bits"], point["spatial_bytes"], point["pictures"]) == (405.0, 51.0, 2)
    assert point["saving"] == round(100 * (1 - 102 / 128), 1)
    assert point["caption_bits_per_word"] == 12.0
    (point,) = summarize_codings([rows[0] | {"caption_words": 0}])
    assert point["caption_bits_per_word"] is None


def test_curves_have_compressais_names_and_no_infinity():
    points = summarize([row("a"), row("a", guidance=1.0, psnr=15.0), row("a", "extreme-low", psnr=math.inf)])
    curve = compressai_results("PerCoV2", "a test", points)
    assert set(curve) == {"name", "description", "results"}
    assert curve["results"]["bpp"] == [0.00238, 0.00238]
    assert curve["results"]["psnr-rgb"] == [20.0, None]
    assert curve["results"]["ms-ssim-rgb"] == [0.5, 0.5]
    json.dumps(curve, allow_nan=False)


def test_csv_files_read_back(tmp_path):
    write_csv(tmp_path / "rows.csv", [row("a", ms_ssim=None)])
    (read,) = csv.DictReader((tmp_path / "rows.csv").open())
    assert read["image"] == "a"
    assert read["ms_ssim"] == ""
    assert float(read["psnr"]) == 20.0
