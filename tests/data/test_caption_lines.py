"""Files of captions in the encodings people have."""

import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from percov2_demo.data.caption_lines import (
    caption_line,
    decode_caption_line,
    read_caption_lines,
    write_caption_lines,
)
from percov2_demo.errors import InputError


RECORDS = [{"file": "ä.png", "caption": "a cat 🐈"}, {"file": "b.png", "caption": "ਊ਀ਗ "}]
"""The second's letters have the byte of a line feed in UTF-16, in either half."""

TEXT = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)


def read(path, **options):
    return [line.record for line in read_caption_lines(path, **options)]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
    ids=["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"],
)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n \n"),
        lambda text: text.removesuffix("\n"),
    ],
    ids=["as written", "CR LF", "blank lines", "no end"],
)
def test_what_editors_make_of_a_file_is_read(tmp_path, mark, encoding, change):
    path = tmp_path / "captions.jsonl"
    data = mark + change(TEXT).encode(encoding)
    path.write_bytes(data)
    lines = list(read_caption_lines(path))
    assert [line.record for line in lines] == RECORDS
    assert [decode_caption_line(data[line.offset :][: line.size]) for line in lines] == RECORDS


@pytest.mark.parametrize(
    "bad", [b"hello\n", b"[]\n", b'{"file": 1, "caption": ""}\n', b'{"file": "\xe9"}\n', b"[" * 9999]
)
def test_a_line_that_is_none_is_named(tmp_path, bad):
    (tmp_path / "captions.jsonl").write_bytes(b"\n" + caption_line("a.png", "a") + bad)
    with pytest.raises(InputError, match=r"^captions\.jsonl must hold one JSON object a line.*: line 3 is none$"):
        read(tmp_path / "captions.jsonl")


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1), st.data())
def test_a_cut_line_is_told_from_a_whole_one(tmp_path_factory, texts, data):
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    written = [caption_line(*pair) for pair in texts]
    cut = data.draw(st.integers(0, len(written[-1]) - 1))
    path.write_bytes(b"".join(written[:-1]) + written[-1][:cut])
    whole = len(texts) - (cut < len(written[-1]) - 1)
    assert [(line["file"], line["caption"]) for line in read(path, drops_cut=True)] == texts[:whole]


def test_a_cut_line_in_a_file_of_people_is_no_cut_line(tmp_path):
    (tmp_path / "captions.jsonl").write_bytes(caption_line("a.png", "a")[:-5])
    with pytest.raises(InputError, match="line 1"):
        read(tmp_path / "captions.jsonl")


def test_names_of_any_bytes_come_back(tmp_path):
    record = {"file": b"caf\xe9.png".decode("utf-8", "surrogateescape"), "caption": "é", "more": 1}
    write_caption_lines(tmp_path / "captions.jsonl", [record])
    assert read(tmp_path / "captions.jsonl") == [record]
    (tmp_path / "captions.jsonl").write_bytes(caption_line(record["file"], record["caption"]))
    assert read(tmp_path / "captions.jsonl") == [{"file": record["file"], "caption": "é"}]
