"""A transmission as the page shows it."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from percov2_demo.ui.render.transmission import transmission_html


@pytest.fixture(scope="module")
def stream(pipeline):
    photo = Image.linear_gradient("L").convert("RGB").resize((512, 512))
    return pipeline.compress(photo, caption="an old castle", entropy="quincunx")


@pytest.fixture(scope="module")
def traces(pipeline, stream):
    return pipeline.trace(stream)


@pytest.fixture(scope="module")
def html(stream, traces):
    return transmission_html(Image.new("RGB", (512, 512)), stream, traces, received=3)


def test_every_token_is_in_each_map_once(html):
    for drawing in re.findall(r"<svg.*?</svg>", html):
        groups = re.findall(r'data-group="(\d+)" data-state="(\w+)" d="([^"]*)"', drawing)
        assert [(int(number), state) for number, state, _ in groups] == [
            (1, "known"),
            (2, "known"),
            (3, "sent"),
            (4, "unknown"),
            (5, "unknown"),
        ]
        squares = re.findall(r"M(\d+) (\d+)", "".join(path for _, _, path in groups))
        assert len(squares) == len(set(squares)) == 64


def test_the_legend_shows_the_maps_photo(stream, traces):
    photo = Image.linear_gradient("L").convert("RGB").resize((512, 512))
    legend = re.search(r'<p class="keys" style="--picture:url\((.*?)\)', transmission_html(photo, stream, traces, 3))
    swatch = np.asarray(Image.open(io.BytesIO(base64.b64decode(legend.group(1).partition("base64,")[2]))), float)
    assert swatch[0].mean() < 10
    assert swatch[-1].mean() > 245


def test_one_step_is_seen(html):
    texts = re.findall(r'<p data-step="(\d)"( hidden)?>', html)
    assert [int(step) for step, hidden in texts if not hidden] == [3]
    assert len(texts) == 6
    heats = re.findall(r'class="heat" data-step="(\d)"( hidden)?', html)
    assert [int(step) for step, hidden in heats if not hidden] == [3]
    assert len(heats) == 5


def test_the_last_bar_is_the_file(html, stream, traces):
    spoken = re.search(r'aria-label="Bytes after each group: ([\d, ]+);', html).group(1)
    sizes = [int(size) for size in spoken.split(", ")]
    assert len(sizes) == 6
    assert sizes[-1] == len(stream.to_bytes())
    assert sizes[0] == stream.part_sizes.container + stream.part_sizes.caption
    assert sizes[1] == stream.part_sizes.container + traces[0].payload_bytes


def test_published_rates_stand_around_the_same_groups(html, pipeline):
    assert re.findall(r'data-group="(\d)"[^>]*>\s*<u [^>]*title="published">(\d+)</u>', html) == [
        ("1", "71"),
        ("2", "75"),
        ("3", "83"),
        ("4", "100"),
        ("5", "126"),
    ]
    assert "--share:1.000" in html
    assert "published by Körber et al., PerCoV2" in html
    assert "figure 16, caption" in html
    assert "Inferred" in html


def test_nothing_is_published_of_other_transmissions(pipeline):
    photo = Image.linear_gradient("L").convert("RGB").resize((512, 512))
    for preset, entropy in (("low", "quincunx"), ("ultra-low", "qlds")):
        stream = pipeline.compress(photo, preset=preset, entropy=entropy)
        assert "ublished" not in transmission_html(photo, stream, pipeline.trace(stream), received=1)


def test_the_words_are_the_traces_numbers(html, pipeline, stream, traces):
    assert f"Group 3 of 5: 8 tokens, {traces[2].spent.sum():,.0f} bits" in html
    assert f"48 still missing the model expects {np.nanmean(traces[3].expected):.1f} bits" in html
    assert f"All 64 are here: {pipeline.information(stream).sum():,.0f} bits; without a model they take 512" in html


def test_nothing_and_everything(stream, traces):
    photo = Image.new("RGB", (512, 512))
    assert 'data-state="known"' not in transmission_html(photo, stream, traces, received=0).partition("<figcaption")[0]
    assert 'data-state="unknown"' not in transmission_html(photo, stream, traces, received=5)
