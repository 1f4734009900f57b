"""Tables as files."""

import csv
import io

import pytest

from percov2_demo.files.csv_table import csv_bytes, write_csv


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_a_table_has_every_rows_columns():
    rows = [{"a": 1}, {"a": None, "b": 'é, "quoted"\nand more'}]
    assert read(csv_bytes(rows)) == [{"a": "1", "b": ""}, {"a": "", "b": 'é, "quoted"\nand more'}]


def test_a_rounded_figure_stays_a_number():
    assert read(csv_bytes([{"change": "-90.10"}])) == [{"change": "-90.10"}]


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1", "-", "-1+1", "-1\n=1", "@a", "\ta", "\ra"])
def test_no_text_is_a_formula(text):
    (row,) = read(csv_bytes([{"text": text, "number": -1.5, "plain": "a = b"}]))
    assert row == {"text": f"'{text}", "number": "-1.5", "plain": "a = b"}


def test_a_name_of_any_bytes_is_written(tmp_path):
    write_csv(tmp_path / "names.csv", [{"image": b"caf\xe9".decode("utf-8", "surrogateescape")}])
    assert (tmp_path / "names.csv").read_text("utf-8") == "image\ncaf\\udce9\n"
