"""Tables to take away."""

import csv
import io
import json
import math

import pytest

from percov2_demo.ui.session.export import csv_file, finite, json_file


def test_a_table_has_every_rows_columns():
    rows = [{"a": 1}, {"a": 2, "b": 'é, "quoted"\nand more'}]
    read = list(csv.DictReader(io.StringIO(csv_file(rows).decode(), newline="")))
    assert read == [{"a": "1", "b": ""}, {"a": "2", "b": 'é, "quoted"\nand more'}]


def test_a_caption_is_no_formula():
    rows = [{"caption": '=HYPERLINK("http://x")', "b": -1.5, "c": "-", "d": "a = b"}]
    (read,) = csv.DictReader(io.StringIO(csv_file(rows).decode(), newline=""))
    assert read == {"caption": '\'=HYPERLINK("http://x")', "b": "-1.5", "c": "'-", "d": "a = b"}


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
