"""Maps of the bits."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
from PIL import Image

from percov2_demo.bitstream import Bitstream, Payload, Withheld
from percov2_demo.entropy.schedules import schedule
from percov2_demo.ui.render.maps import maps_html, transmission_order


STREAM = Bitstream(
    width=512,
    height=320,
    preset="ultra-low",
    model=7,
    indices=np.zeros((5, 8), np.int64),
    entropy="quincunx",
    payload=Payload(b"x", 0),
)


def overlays(html: str) -> list[np.ndarray]:
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(picture)))) for picture in pictures]


def test_one_pixel_an_index():
    bits = np.arange(40.0).reshape(5, 8) / 4
    of_bits, of_order = overlays(maps_html(STREAM, bits, "photo.png"))
    assert of_bits.shape == of_order.shape == (5, 8, 3)
    assert len(np.unique(of_bits.reshape(-1, 3), axis=0)) == 40
    groups = transmission_order(STREAM)
    assert {tuple(colour) for colour in of_order[groups == 0]}.isdisjoint(
        tuple(colour) for colour in of_order[groups == 4]
    )


def test_more_bits_are_brighter():
    bits = np.arange(40.0).reshape(5, 8)
    of_bits, _ = overlays(maps_html(STREAM, bits, "photo.png"))
    brightness = of_bits.astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(brightness.ravel()) > 0).all()


def test_numbers_of_the_legend():
    html = maps_html(STREAM, np.linspace(0.25, 11.5, 40).reshape(5, 8), "photo.png")
    for text in ("<span>0.2</span>", "11.5 bits", "235 bits in 40 tokens", "quincunx, 5 groups"):
        assert text in html


def test_packed_indices_all_cost_the_same_and_travel_together():
    packed = replace(STREAM, entropy="uniform", payload=None)
    html = maps_html(packed, np.full((5, 8), 8.0), "photo.png")
    assert "8 bits each" in html
    assert "uniform, 1 group." in html


def test_order_is_the_schedules():
    order = transmission_order(STREAM)
    for number, group in enumerate(schedule("quincunx", 5, 8)):
        assert (order.flat[group] == number).all()


def test_groups_that_are_not_sent_are_called_drawn():
    html = maps_html(replace(STREAM, withheld=Withheld(3)), np.ones((5, 8)), "photo.png")
    assert "2 not sent but drawn by the decoder" in html
    assert html.count(" drawn</span>") == 2
