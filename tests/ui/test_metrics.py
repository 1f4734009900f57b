"""The table of metrics."""

import re

from PIL import Image

from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.ui.metrics import metrics_html


def pictures() -> tuple[Image.Image, Image.Image]:
    original = Image.linear_gradient("L").resize((192, 192)).convert("RGB")
    return original, original.point(lambda value: value * 9 // 10)


def cells(html: str) -> dict[str, str]:
    return dict(re.findall(r'<th scope="row">([^<]+) <small>.*?</th><td>(.*?)</td>', html))


def test_values_are_the_metrics():
    original, darker = pictures()
    table = cells(metrics_html(original, darker, lambda first, second: float((first - second).abs().max())))
    assert table["PSNR"] == f"{psnr(to_tensor(original), to_tensor(darker)):.2f} dB"
    assert table["LPIPS"] == "0.10"
    assert set(table) == {"PSNR", "MS-SSIM", "LPIPS", "Patch realism", "Colour shift"}
    assert table["Colour shift"].endswith("ΔE00")


def test_what_cannot_be_measured_says_so_and_the_rest_is_shown():
    small = Image.new("RGB", (128, 64), "grey")
    table = cells(metrics_html(small, small, None))
    assert table["LPIPS"] == "unavailable offline"
    assert table["MS-SSIM"] == "picture too small"
    assert (table["PSNR"], table["Patch realism"]) == ("inf dB", "0.00")
