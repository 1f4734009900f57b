"""The table of metrics."""

import re

from PIL import Image

from percov2_demo.metrics import psnr, to_tensor
from percov2_demo.ui.render import metrics
from percov2_demo.ui.render.metrics import metrics_html, pair_metrics


def pictures() -> tuple[Image.Image, Image.Image]:
    original = Image.linear_gradient("L").resize((192, 192)).convert("RGB")
    return original, original.point(lambda value: value * 9 // 10)


def cells(html: str) -> dict[str, str]:
    return dict(re.findall(r'<th scope="row">([^<]+) <small>.*?</th><td>(.*?)</td>', html))


def test_values_are_the_metrics(monkeypatch):
    monkeypatch.setattr(metrics, "local_lpips", lambda: lambda first, second: float((first - second).abs().max()))
    original, darker = pictures()
    values = pair_metrics(original, darker)
    assert values["psnr"] == psnr(to_tensor(original), to_tensor(darker))
    table = cells(metrics_html(values))
    assert table["PSNR"] == f"{values['psnr']:.2f} dB"
    assert table["LPIPS"] == "0.10"
    assert set(table) == {"Deep distance", "Deep realism", "PSNR", "MS-SSIM", "LPIPS", "Colour shift"}
    assert table["Colour shift"].endswith("ΔE00")


def test_lpips_without_weights_has_no_row_and_what_is_too_small_says_so(monkeypatch):
    monkeypatch.setattr(metrics, "local_lpips", lambda: None)
    small = Image.new("RGB", (128, 64), "grey")
    table = cells(metrics_html(pair_metrics(small, small)))
    assert "LPIPS" not in table
    for name in ("MS-SSIM", "Deep distance", "Deep realism"):
        assert table[name] == "picture too small"
    assert table["PSNR"] == "inf dB"
