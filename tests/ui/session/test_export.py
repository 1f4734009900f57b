"""JSON files to take away."""

import json
import math

import pytest

from percov2_demo.ui.session.export import finite, json_file


def test_json_is_text_for_people():
    assert "é" in json_file({"a": "é"}).decode()
    assert json.loads(json_file([{"a": None}])) == [{"a": None}]


def test_numbers_that_are_not_finite_are_none():
    assert finite({"a": math.inf, "b": math.nan, "c": 1.5, "d": "text", "e": None}) == {
        "a": None,
        "b": None,
        "c": 1.5,
        "d": "text",
        "e": None,
    }
    with pytest.raises(ValueError, match="JSON"):
        json_file({"a": math.inf})
