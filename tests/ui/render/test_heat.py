"""Maps of differences and their scale."""

import numpy as np

from percov2_demo.ui.render.heat import colour_bar_html, heat_map


def test_a_heat_map_goes_from_black_to_light_and_is_linear():
    values = np.array([[0, 16, 32], [64, 640, 48]], np.float32)
    heat = heat_map(values, 64)
    assert heat.size == (3, 2)
    assert heat.getpixel((0, 0)) == (0, 0, 4)
    assert heat.getpixel((0, 1)) == heat.getpixel((1, 1)) == (252, 255, 164)
    assert heat.getpixel((1, 0)) == heat_map(np.array([[1.0]]), 4).getpixel((0, 0))


def test_the_bar_has_the_maps_colours_and_numbers():
    html = colour_bar_html(64, "of 255 levels")
    assert "rgb(0,0,4)" in html
    assert "rgb(252,255,164)" in html
    assert "<b>64 and more of 255 levels</b>" in html
