import numpy as np
import pytest
from PIL import Image

from percov2_demo.errors import InputError
from percov2_demo.painters.agreement import agreement, find_sigma


def test_agreement_is_the_share_of_equal_indices():
    sent = np.array([[1, 2], [3, 4]])
    assert agreement(sent, sent) == 1
    assert agreement(sent, np.array([[1, 2], [0, 0]])) == 0.5


@pytest.mark.parametrize("limit", [0.11, 0.5, 0.83])
def test_the_largest_noise_level_that_agrees_is_found(limit):
    asked = []

    def paint(sigma: float) -> Image.Image:
        asked.append(sigma)
        return Image.new("RGB", (1, 1), (round(255 * sigma), 0, 0))

    def measure(picture: Image.Image) -> float:
        return 1.0 if picture.getpixel((0, 0))[0] <= 255 * limit + 0.5 else 0.2

    found = find_sigma(paint, measure, share=0.9)
    assert len(asked) == 5
    assert limit - 1 / 32 <= found.sigma <= limit + 1 / 255
    assert found.agreement == 1


def test_no_noise_is_left_where_nothing_agrees():
    found = find_sigma(lambda sigma: Image.new("RGB", (1, 1)), lambda picture: 0.3, share=0.9)
    assert found.sigma == 0
    assert found.agreement == 0.3


def test_a_share_out_of_range_is_refused():
    with pytest.raises(InputError, match="agreement must be from 0 to 1"):
        find_sigma(lambda sigma: Image.new("RGB", (1, 1)), lambda picture: 1.0, share=1.2)
