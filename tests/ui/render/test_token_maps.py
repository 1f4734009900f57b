"""Token maps as markup."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

from percov2_demo.ui.render.token_maps import cells, heat_layer, picture_layer, token_map


def picture_of(markup: str) -> np.ndarray:
    data = re.search(r'base64,([^"]+)"', markup).group(1)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_cells_are_where_their_positions_are():
    path = ET.fromstring(cells(np.array([0, 5, 11]), 4, 'class="x"'))
    assert path.get("class") == "x"
    assert re.findall(r"M(\d+) (\d+)", path.get("d")) == [("0", "0"), ("1", "1"), ("3", "2")]


def test_heat_rises_from_dark_to_bright_and_leaves_out_what_is_known():
    pixels = picture_of(heat_layer(np.array([[0, 4, 8], [np.nan, 12, 2]]), top=8))
    assert pixels.shape == (2, 3, 4)
    assert pixels[..., 3].tolist() == [[255, 255, 255], [0, 255, 255]]
    brightness = pixels[..., :3].astype(int).sum(-1)
    assert brightness[0, 0] < brightness[1, 2] < brightness[0, 1] < brightness[0, 2] == brightness[1, 1]


def test_pictures_are_kept_exactly():
    photo = Image.linear_gradient("L").convert("RGB")
    assert np.array_equal(picture_of(picture_layer(photo, (8, 8))), np.asarray(photo))


def test_a_map_is_one_drawing_with_a_name():
    drawing = ET.fromstring(token_map((2, 3), [cells([1], 3, "")], "Two rows"))
    assert drawing.get("viewBox") == "0 0 3 2"
    assert (drawing.get("role"), drawing.get("aria-label")) == ("img", "Two rows")
    assert drawing[-1].get("d") == "M0 1H3M1 0V2M2 0V2"
    assert "fine" not in drawing.get("class")
    assert "fine" in ET.fromstring(token_map((32, 8), [], "")).get("class")
