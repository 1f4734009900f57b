"""Numbers as people say them."""

import pytest

from percov2_demo.ui.render.wording import counted, format_size


@pytest.mark.parametrize(("number", "text"), [(0, "0 steps"), (1, "1 step"), (2304, "2,304 steps")])
def test_counted(number, text):
    assert counted(number, "step") == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1, "1 byte"),
        (92, "92 bytes"),
        (1181, "1,181 bytes"),
        (53_144, "53.1 KB"),
        (999_960, "1.0 MB"),
        (3_100_000, "3.1 MB"),
    ],
)
def test_format_size(size, text):
    assert format_size(size) == text


def test_a_size_before_a_noun():
    assert f"a {format_size(3253, before_noun=True)} photo" == "a 3,253-byte photo"
    assert f"a {format_size(41_800, before_noun=True)} photo" == "a 41.8 KB photo"
